import type { Append, CallOptions, CommitResult, LogRecord } from '../backend.js';
import { OutcomeUnknownError, StorageTimeoutError } from '../errors.js';

/** How one call of a user stands, for those who do its work. */
export class Call {
  /** Whether it was settled by its deadline or its signal: nothing more needs to be done for it. */
  over = false;
  /** Whether something was written on its behalf, so that giving up leaves it in doubt. */
  sent = false;
}

/** What a write in doubt is called by. */
export interface Doubt {
  readonly operationId: string;
  readonly expected?: { readonly version: number; readonly id: string; readonly at: number };
}

/**
 * Runs `work` and settles with it, or rejects at the deadline or the signal, whichever comes first. Work that was
 * given up goes on in the background until it notices: what was sent cannot be taken back.
 */
export function settle<T>(
  key: string,
  options: CallOptions | undefined,
  work: (call: Call) => Promise<T>,
  doubt?: Doubt,
): Promise<T> {
  const call = new Call();
  const timeoutMs = options?.timeoutMs;
  const signal = options?.signal;
  if (timeoutMs === undefined && signal === undefined) return work(call);
  return new Promise((resolve, reject) => {
    const giveUp = (reason: unknown): void => {
      call.over = true;
      finish();
      reject(call.sent && doubt !== undefined ? unknown(key, doubt, reason) : reason);
    };
    const aborted = (): void => giveUp(signal?.reason);
    const timer =
      timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => giveUp(late(key, timeoutMs)), timeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    if (signal?.aborted) return aborted();
    signal?.addEventListener('abort', aborted);
    work(call).then(
      (value) => {
        finish();
        resolve(value);
      },
      (error: unknown) => {
        finish();
        reject(error);
      },
    );
  });
}

function late(key: string, timeoutMs: number): StorageTimeoutError {
  return new StorageTimeoutError(`The store was not free, or did not answer, within ${timeoutMs} ms`, {
    timeoutMs,
    key,
  });
}

/** A write of which it is not known whether it happened. */
export function unknown(key: string, { operationId, expected }: Doubt, cause: unknown): OutcomeUnknownError {
  return new OutcomeUnknownError('The write was sent, and it is not known whether it is there', {
    operationId,
    expected: expected && { version: expected.version, id: expected.id, at: expected.at },
    cause,
    key,
  });
}

/**
 * What to throw when some appends of a commit failed: the reason, if nothing at all was written; otherwise doubt,
 * since a reason would say that nothing was.
 */
export function failureOfAll(
  appends: readonly Append[],
  results: readonly PromiseSettledResult<CommitResult>[],
  reason: unknown,
): unknown {
  const doubtful = results.findIndex(
    (result) =>
      (result.status === 'fulfilled' && result.value.ok) ||
      (result.status === 'rejected' && result.reason instanceof OutcomeUnknownError),
  );
  if (doubtful < 0 || reason instanceof StorageTimeoutError) return reason;
  const { key, records, expected } = appends[doubtful] as Append;
  return unknown(key, { operationId: (records[0] as LogRecord).id, ...(expected && { expected }) }, reason);
}
