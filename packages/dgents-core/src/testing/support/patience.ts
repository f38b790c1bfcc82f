/**
 * How long what has to come is waited for. What hangs is worth waiting for once; the tests of the kit itself meet dozens
 * of subjects that hang on purpose.
 */
let most = Number.POSITIVE_INFINITY;

/** That long, or as long as is waited at most. */
export function patient(ms: number): number {
  return Math.min(ms, most);
}

/** Waits no longer than that for anything, from now on. */
export function waitAtMost(ms: number): void {
  most = ms;
}
