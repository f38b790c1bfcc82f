/** Deadlines and signals on their way through a wrapper. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { failureOf, rejects, shown } from '../../support/assertions.js';
import { settled } from '../../support/watched-backend.js';
import type { WrapperBench } from '../bench.js';
import type { Method } from '../recorder.js';

interface Deadlines {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 60_000;

/** What was given has arrived, each under its name. */
export function arrived(
  options: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(given)) {
    const found = options[name];
    assert.ok(isDeepStrictEqual(found, value), `${name}: ${shown(value)} arrived inside as ${shown(found)}`);
  }
}

/** A call gives what is due; told in words, since a bare difference does not say of what. */
export function gives(call: string, actual: unknown, due: unknown): void {
  assert.ok(isDeepStrictEqual(actual, due), `${call} gives ${shown(actual)}, and had to give ${shown(due)}`);
}

/** The deadline arrives inside: the same one, or what is left of it. */
export async function handsDownTimeout(
  { oneCall }: WrapperBench,
  call: (options: Deadlines) => Promise<unknown>,
  ...methods: Method[]
): Promise<void> {
  await call({ timeoutMs: TIMEOUT_MS });
  const { options } = oneCall(...methods);
  const { timeoutMs } = options as Deadlines;
  const left = timeoutMs !== undefined && timeoutMs <= TIMEOUT_MS && timeoutMs > TIMEOUT_MS / 2;
  assert.ok(left, `timeoutMs: ${TIMEOUT_MS} arrived inside as ${timeoutMs}`);
}

/** Aborting outside aborts inside, with the same reason, and ends the call. */
export async function handsDownSignal(
  { inner, oneCall }: WrapperBench,
  call: (options: Deadlines) => Promise<unknown>,
  ...methods: Method[]
): Promise<void> {
  const controller = new AbortController();
  const reason = new RangeError('enough');
  const release = inner.hold();
  const failed = failureOf(call({ signal: controller.signal }));
  await Promise.race([inner.arrived, failed]);
  const { signal } = oneCall(...methods).options as Deadlines;
  controller.abort(reason);
  release();
  const error = await failed;
  assert.ok(error === reason, `aborted with ${reason}, and rejected with ${error}`);
  assert.ok(signal !== undefined, 'signal: an AbortSignal arrived inside as undefined');
  assert.ok(signal.aborted, 'the signal that arrived inside is aborted too');
  assert.ok(signal.reason === reason, `aborted with ${reason}, and inside with ${signal.reason}`);
}

/** A caller that shares what others asked for gives up alone, and in time. */
export async function givesUpAlone(
  { inner }: WrapperBench,
  call: (options: Deadlines) => Promise<unknown>,
): Promise<void> {
  const release = inner.hold();
  try {
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const failed = failureOf(call({ signal: controller.signal }));
    controller.abort(reason);
    assert.equal(await settled('a call that was aborted', () => failed), reason);
    await rejects(
      settled('a call with a deadline', () => call({ timeoutMs: 20 })),
      'DGENTS_STORAGE_TIMEOUT',
    );
  } finally {
    release();
  }
}
