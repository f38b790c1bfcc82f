/** What JSON text can hold: the stored form of a state. Numbers are finite and not `-0`. Never changed once made. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
