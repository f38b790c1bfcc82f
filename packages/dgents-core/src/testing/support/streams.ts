/** Feeds and watches: streams that may be silent for as long as they like, but not for ever where something is due. */
import assert from 'node:assert/strict';
import type { Backend } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import { patient } from './patience.js';
import { settled } from './watched-backend.js';

/** How long what is due may take to come. Nothing waits this long where all is well. */
export const DUE_MS = 5_000;
/** How long the end of a stream may take. */
const END_MS = 2_000;
/** Long enough to tell a stream that waits from one that is over. */
export const SILENCE_MS = 30;

/** The next item, which has to come or end. */
export function nextOf<T>(
  iterator: AsyncIterator<T>,
  what = 'the next of the stream',
): Promise<IteratorResult<T>> {
  return settled(what, () => iterator.next(), DUE_MS);
}

/** Reads a stream in the background and keeps what comes. */
export class Listener<T> {
  readonly heard: T[] = [];
  readonly #iterator: AsyncIterator<T>;
  readonly #over: Promise<void>;
  #failure: unknown;
  #wake: () => void = () => undefined;

  constructor(stream: AsyncIterable<T>) {
    this.#iterator = stream[Symbol.asyncIterator]();
    this.#over = this.#listen();
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#iterator.next();
        if (done) return;
        this.heard.push(value);
        this.#wake();
      }
    } catch (error) {
      this.#failure = error;
      this.#wake();
    }
  }

  /** Waits until what was heard is as it should be. */
  async until(isHeard: (heard: readonly T[]) => boolean, what: string): Promise<void> {
    const dueMs = patient(DUE_MS);
    const deadline = performance.now() + dueMs;
    while (!(await this.within(isHeard, deadline - performance.now()))) {
      assert.ok(performance.now() < deadline, `${what} was not heard within ${dueMs} ms`);
    }
  }

  /** Whether that was heard after waiting for something to come, at most so long. */
  async within(isHeard: (heard: readonly T[]) => boolean, ms: number): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure;
    if (isHeard(this.heard)) return true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    if (this.#failure !== undefined) throw this.#failure;
    return isHeard(this.heard);
  }

  /** Ends the stream, which must not take for ever. */
  async stop(): Promise<void> {
    await settled('return', async () => this.#iterator.return?.(), END_MS);
    await settled('the end of a stream that was returned', () => this.#over, END_MS);
  }
}

/** What is open and has nothing to say ends at once, however it is ended, and stays ended. */
export async function assertEndsAtOnce(
  bench: BackendBench,
  open: (backend: Backend, signal?: AbortSignal) => AsyncIterable<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const begin = (signal?: AbortSignal) => open(bench.backend, signal)[Symbol.asyncIterator]();
  const streams = { returned: begin(), aborted: begin(controller.signal), closed: begin() };
  const silent = Object.values(streams).map((stream) => stream.next());
  // Time to begin in earnest: a stream that has not begun is easily ended.
  await assertSilent(silent);
  const assertDone = async (pending: Promise<IteratorResult<unknown>> | undefined, how: string) => {
    const { done } = await settled(`a stream that was ${how}, with a pending next,`, () => pending!, END_MS);
    assert.equal(done, true, `a stream that was ${how} is over`);
  };
  await settled('return', async () => streams.returned.return?.(), END_MS);
  await assertDone(silent[0], 'returned');
  controller.abort();
  await assertDone(silent[1], 'aborted');
  await assertDone(begin(controller.signal).next(), 'aborted before it began');
  await bench.backend.close();
  // A close that closes nothing is told by the facts of `lifecycle`.
  if (await isOpen(bench.backend)) return;
  await assertDone(silent[2], 'left open when its backend was closed');
  for (const [how, stream] of Object.entries(streams))
    await assertDone(stream.next(), `${how}, and asked again,`);
}

/** None of these has anything to say, and none is over. */
export async function assertSilent(pending: readonly Promise<IteratorResult<unknown>>[]): Promise<void> {
  const silence = new Promise<undefined>((resolve) => setTimeout(resolve, SILENCE_MS, undefined));
  const first = await Promise.race([silence, ...pending]);
  if (first !== undefined)
    assert.fail(first.done ? 'the stream ended by itself' : 'there was nothing to say');
}

/** Whether the handle still answers. */
export function isOpen(backend: Backend): Promise<boolean> {
  return backend.read('k').then(
    () => true,
    () => false,
  );
}
