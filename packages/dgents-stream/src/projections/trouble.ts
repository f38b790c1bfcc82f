/** Which errors pass, and how long to wait for that. */
import { DgentsError } from 'dgents-core';

export interface Backoff {
  /** After the first failure, in milliseconds; twice that after each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** @param failures 1 after the first one @param random from 0 to 1 */
export function backoffMs({ firstMs, maxMs }: Backoff, failures: number, random: () => number): number {
  const longest = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return longest * (0.5 + 0.5 * random());
}

/** The store is in trouble, and may be out of it soon. */
export function mayPass(error: unknown): boolean {
  return DgentsError.is(error) && (error.retryable || DgentsError.is(error, 'DGENTS_STATE_REGRESSION'));
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
