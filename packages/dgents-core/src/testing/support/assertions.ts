/** What `node:assert/strict` lacks. Every failure is an AssertionError that shows what was there and what was due. */
import assert from 'node:assert/strict';
import { DgentsError, type DgentsErrorCode } from '../../errors.js';

/** Holds those fields of `actual` that `expected` has against it, at every depth; arrays in full. */
export function like(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(picked(actual, expected), expected, message);
}

function picked(actual: unknown, expected: unknown): unknown {
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) {
    return actual;
  }
  if (Array.isArray(expected)) {
    // An array of ours: one that has crossed a worker, or was cloned, may be of another realm.
    return Array.isArray(actual) ? Array.from(actual, (item, i) => picked(item, expected[i])) : actual;
  }
  if (Object.getPrototypeOf(expected) !== Object.prototype) return actual;
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(expected)) {
    if (name in actual) found[name] = picked(Reflect.get(actual, name), Reflect.get(expected, name));
  }
  return found;
}

/** What a promise rejects with; fails when it resolves. */
export async function failureOf(
  promise: Promise<unknown>,
  what = 'the call',
  due = 'reject',
): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`${what} resolved with ${shown(value)}, and had to ${due}`);
}

/** Rejects with this dgents error and these fields; resolves to the error. Compares by code: the class may be of another copy. */
export async function rejects(
  promise: Promise<unknown>,
  code: DgentsErrorCode,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<DgentsError> {
  const error = await failureOf(promise, 'the call', `reject with ${code}`);
  if (!DgentsError.is(error, code)) failBy(error, `rejected with ${told(error)}, not with ${code}`);
  like(error, fields);
  return error;
}

/** A dgents error, of whatever code. */
export function assertDgentsError(error: unknown, what: string): asserts error is DgentsError {
  if (!DgentsError.is(error))
    failBy(error, `${what} was rejected with ${told(error)}, which is no dgents error`);
}

/** Rejects with a TypeError or RangeError: a mistake in the call. */
export async function refuses(
  promise: Promise<unknown>,
  kind: 'TypeError' | 'RangeError',
  what?: string,
): Promise<void> {
  const error = await failureOf(promise, what, `be refused with a ${kind}`);
  // By name: the class may be that of another realm.
  if (!(error instanceof Error) || error.name !== kind) {
    failBy(error, `${what ?? 'the call'} was rejected with ${told(error)}, not with a ${kind}`);
  }
}

/** Fails because of an error, which is handed on as the cause: it knows where it came from. */
function failBy(error: unknown, message: string): never {
  throw Object.assign(new assert.AssertionError({ message }), { cause: error });
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return shown(error);
  const { code } = error as { code?: unknown };
  return `${error.name}${typeof code === 'string' ? ` (${code})` : ''}: ${error.message}`;
}

const SHOWN_LENGTH = 200;

export function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
  } catch {
    // A cycle: its type says enough.
  }
  text ??= String(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
