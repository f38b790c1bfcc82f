/**
 * Publishes a call on a tracing channel of `node:diagnostics_channel`.
 *
 * Node has `tracePromise` for this, which publishes the result too; results of ours are states. Whoever calls asks
 * `hasSubscribers` first, and makes no event where nobody listens. What a subscriber throws does not get here: Node
 * raises it as an uncaught exception of the process.
 */
import { AsyncResource } from 'node:async_hooks';
import type { TracingChannel } from 'node:diagnostics_channel';
import { DgentsError } from '../errors.js';
import type { ObservedCall } from './events.js';

/** An event while it is being filled in. */
export type Open<E> = { -readonly [K in keyof E]: E[K] };

type Channel<E extends object> = TracingChannel<E, E>;

/**
 * Runs `work` with the stores that are bound to the channel, and publishes its beginning and its end.
 * @param note adds to the event what the result tells
 */
export function observe<E extends ObservedCall, T>(
  channel: Channel<E>,
  event: Open<E>,
  work: (event: Open<E>) => Promise<T>,
  note?: (event: Open<E>, result: T) => void,
): Promise<T> {
  const over = ending(channel, event);
  return channel.start.runStores(event as E, () => {
    try {
      return work(event).then(
        (result) => {
          noteSafely(() => note?.(event, result));
          over();
          return result;
        },
        (error: unknown) => {
          over({ error });
          throw error;
        },
      );
    } catch (error) {
      over({ error });
      throw error;
    } finally {
      channel.end.publish(event as E);
    }
  });
}

/** The same for an iteration: from its first step to its last, or to where its consumer ends it. */
export function observeEach<E extends ObservedCall, T>(
  channel: Channel<E>,
  event: Open<E>,
  items: AsyncIterable<T>,
  note: (event: Open<E>, item: T) => void,
): AsyncGenerator<T, void, undefined> {
  const inner = items[Symbol.asyncIterator]() as AsyncIterator<T, void, undefined>;
  let begun: { readonly scope: AsyncResource; readonly over: (failure?: Failure) => void } | undefined;
  const begin = (): NonNullable<typeof begun> => {
    const over = ending(channel, event);
    const scope = channel.start.runStores(event as E, () => new AsyncResource('DgentsStream'));
    channel.end.publish(event as E);
    return { scope, over };
  };
  const settle = async (step: Promise<IteratorResult<T, void>>): Promise<IteratorResult<T, void>> => {
    try {
      const result = await step;
      if (result.done === true) begun?.over();
      else noteSafely(() => note(event, result.value));
      return result;
    } catch (error) {
      begun?.over({ error });
      throw error;
    }
  };
  const iterator = {
    [Symbol.asyncIterator]: () => iterator,
    next: () => {
      begun ??= begin();
      return settle(begun.scope.runInAsyncScope(() => inner.next()));
    },
    return: () => settle(inner.return?.() ?? Promise.resolve({ done: true, value: undefined })),
    throw: (error: unknown) => settle(inner.throw?.(error) ?? Promise.reject(error)),
  };
  return iterator as unknown as AsyncGenerator<T, void, undefined>;
}

/** What a faulty backend has given is for the engine to judge, and a subscriber may have frozen the event. */
export function noteSafely(note: () => void): void {
  try {
    note();
  } catch {
    // The event lacks what could not be noted.
  }
}

interface Failure {
  readonly error: unknown;
}

/** Tells once that it is over, and how long it took. */
function ending<E extends ObservedCall>(channel: Channel<E>, event: Open<E>): (failure?: Failure) => void {
  const begunAt = performance.now();
  let isOver = false;
  return (failure) => {
    if (isOver) return;
    isOver = true;
    noteSafely(() => {
      event.durationMs = performance.now() - begunAt;
      if (failure !== undefined) event.error = errorName(failure.error);
    });
    if (failure !== undefined) channel.error.publish(event as E & { error: unknown });
    const last = event as E & { error: unknown; result: unknown };
    channel.asyncStart.publish(last);
    channel.asyncEnd.publish(last);
  };
}

/** The code of one of ours, the name of any other error. */
export function errorName(error: unknown): string {
  if (DgentsError.is(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
