/** Which writes can be acknowledged before the store has seen them. */
import type { Head } from '../backend.js';
import type { DeleteOptions, SaveOptions, UpdateOptions } from '../data-agent.js';
import { comparisonOf } from '../state/operation.js';
import { sameHead } from '../state/replica.js';

export type AnyWriteOptions = UpdateOptions & SaveOptions & DeleteOptions;

/**
 * Whether there is nothing about it that only the store can judge or do. Options of later days count as such.
 * @throws TypeError, RangeError for an `expected` that is none
 */
export function mayWait({
  expected,
  meta: _,
  timeoutMs: __,
  signal: ___,
  ...others
}: AnyWriteOptions): boolean {
  if (expected !== undefined && !COMPARED_HERE.has(comparisonOf(expected).kind)) return false;
  return Object.values(others).every((value) => value === undefined);
}

const COMPARED_HERE: ReadonlySet<string> = new Set(['head', 'version']);

/** Whether what is expected is what the write follows. */
export function isMet({ expected }: SaveOptions, after: Head | null): boolean {
  if (expected === undefined) return true;
  const wanted = comparisonOf(expected);
  if (wanted.kind === 'version') return wanted.version === after?.version;
  return wanted.kind === 'head' && sameHead(wanted.head, after);
}
