import type { BackendBench } from '../backend-bench.js';

/** A short time to live, and a time after which it is certainly over. */
export const SHORT_MS = 250;
export const OVER_MS = 600;
/** Enough for a few calls before it is over, on the slowest machine. */
export const SOME_MS = 1_500;

/**
 * Lets a short time to live run out, and says whether the log of this key is gone and the one beside it is not: for facts
 * about other promises that look at what has expired. The time to live has facts of its own, in the suite `ttl`.
 */
export async function expired(
  { backend, pass }: BackendBench,
  key: string,
  beside: string,
): Promise<boolean> {
  await pass(OVER_MS);
  const [gone, there] = await Promise.all([backend.read(key), backend.read(beside)]);
  return gone.head === null && there.head !== null;
}
