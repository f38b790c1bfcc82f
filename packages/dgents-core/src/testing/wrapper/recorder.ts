/** An agent that remembers how it was called, and fails or waits when told to. */
import type { DataAgent } from '../../data-agent.js';
import { StorageTimeoutError } from '../../errors.js';

export type Method =
  | 'ready'
  | 'load'
  | 'read'
  | 'save'
  | 'update'
  | 'delete'
  | 'history'
  | 'timeline'
  | 'watch'
  | 'close';

/** One call of a method. */
export interface Recorded {
  readonly method: Method;
  /** The options it was given; empty when it was given none. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What came before the options: a state, a recipe, a limit. */
  readonly subject: unknown;
  /** Of an iteration: whether it was ended, by either side. */
  ended: boolean;
}

/** Where the options of a method are among its arguments; at the front unless listed. */
const OPTIONS_AT: Partial<Record<Method, number>> = { save: 1, update: 1, history: 1 };

export class Recorder {
  /** The agent to be wrapped: every call of it is recorded here and passed on to the real one. */
  readonly agent: DataAgent<unknown>;
  readonly calls: Recorded[] = [];
  #failure: { readonly error: unknown; readonly afterItems: number } | undefined;
  #held: Promise<void> | undefined;
  #tell: () => void = () => undefined;
  /** Resolves when a call has arrived while they are held. */
  arrived: Promise<void> = Promise.resolve();

  constructor(private readonly real: DataAgent<unknown>) {
    this.agent = new Proxy(real, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const method = (name === Symbol.asyncDispose ? 'close' : name) as Method;
        return (...args: unknown[]) => this.#call(method, args, () => Reflect.apply(value, this.real, args));
      },
    });
  }

  /** The next call rejects with this; an iteration after so many items. */
  failNext(error: unknown, afterItems = 0): void {
    this.#failure = { error, afterItems };
  }

  /** Calls arrive and wait until this is released, or their deadline or signal ends the waiting. */
  hold(): () => void {
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => {
      release = () => {
        this.#held = undefined;
        resolve();
      };
    });
    this.arrived = new Promise((resolve) => {
      this.#tell = resolve;
    });
    return () => release();
  }

  #call(method: Method, args: readonly unknown[], pass: () => unknown): unknown {
    const at = OPTIONS_AT[method] ?? 0;
    const options = (args[at] ?? {}) as Recorded['options'];
    const record: Recorded = { method, options, subject: at === 0 ? undefined : args[0], ended: false };
    this.calls.push(record);
    this.#tell();
    const failure = this.#failure;
    this.#failure = undefined;
    if (method === 'timeline' || method === 'watch') {
      return watched(pass() as AsyncIterable<unknown>, record, failure);
    }
    if (failure !== undefined) return Promise.reject(failure.error);
    return this.#held === undefined ? pass() : waiting(this.#held, options).then(pass);
  }
}

/** Resolves when it is released; rejects when the caller gives up before. */
function waiting(released: Promise<void>, { timeoutMs, signal }: Recorded['options']): Promise<void> {
  return new Promise((resolve, reject) => {
    const caller = signal instanceof AbortSignal ? signal : undefined;
    const abort = (): void => reject(caller?.reason);
    const late = (): void => {
      reject(new StorageTimeoutError('It was held for too long.', { timeoutMs: timeoutMs as number }));
    };
    const timer = typeof timeoutMs === 'number' ? setTimeout(late, timeoutMs) : undefined;
    if (caller?.aborted) abort();
    caller?.addEventListener('abort', abort);
    released.then(() => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', abort);
      resolve();
    });
  });
}

/** The same iteration; says when it has ended, and fails after so many items when told to. */
function watched(
  real: AsyncIterable<unknown>,
  record: Recorded,
  failure: { readonly error: unknown; readonly afterItems: number } | undefined,
): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = real[Symbol.asyncIterator]();
      let items = 0;
      return {
        next: async () => {
          if (failure !== undefined && items === failure.afterItems) {
            record.ended = true;
            await iterator.return?.();
            throw failure.error;
          }
          const step = await iterator.next();
          if (step.done === true) record.ended = true;
          else items += 1;
          return step;
        },
        return: async () => {
          record.ended = true;
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
