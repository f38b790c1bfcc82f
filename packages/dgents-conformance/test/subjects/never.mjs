/** A module that waits for what never comes. */
export * from './memory.mjs';

await new Promise(() => undefined);
