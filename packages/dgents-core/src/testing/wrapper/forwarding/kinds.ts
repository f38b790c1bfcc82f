/** Every kind of failure inside, on its way out: what cannot be told, what lost, and what each of them knows. */
import assert from 'node:assert/strict';
import {
  type DgentsError,
  LogCompactedError,
  OutcomeUnknownError,
  StateConflictError,
  StateCorruptionError,
  StateExpiredError,
  StateRegressionError,
  StorageFullError,
  StorageTimeoutError,
} from '../../../errors.js';
import { failureOf } from '../../support/assertions.js';
import type { WrapperBench } from '../bench.js';
import type { StateFacts } from '../suite.js';
import { assertSame, callsOf } from './failures.js';

const WRITES: readonly string[] = ['save', 'update', 'delete'];

const key = 'state';
const cause = new RangeError('the network');
const [seen, actual] = [
  { version: 3, id: 'mine', at: 1_700_000_000_003 },
  { version: 5, id: 'of another', at: 1_700_000_000_005 },
];

/** After these a write may have happened: sent again under another id, it may happen twice. */
const doubts = (): DgentsError[] => [
  new OutcomeUnknownError('No answer came.', { key, cause, operationId: 'in-doubt', expected: seen }),
  new StorageTimeoutError('It took too long.', { key, cause, timeoutMs: 1234 }),
];

const refusals = (): DgentsError[] => [
  new StateConflictError('Another wrote.', { key, cause, expected: seen, actual }),
  new StateRegressionError('It went back.', { key, cause, seen: actual, actual: seen }),
  new StateExpiredError('Its time is over.', { key, cause }),
  new StorageFullError('There is no room.', { key, cause }),
  damage(),
];

const damage = (): DgentsError =>
  new StateCorruptionError('It is damaged.', { key, cause, location: 'a file', offset: 7 });
const compacted = (): DgentsError => new LogCompactedError('It was trimmed.', { key, cause, floor: 4 });
const late = (): DgentsError => new StorageTimeoutError('It took too long.', { key, cause, timeoutMs: 1234 });

export const kinds: StateFacts = (fact, { claims }) => {
  for (const [name, call] of Object.entries(callsOf(claims))) {
    const isWrite = WRITES.includes(name);
    // A cache may answer from what it has, also from a failure that it had.
    if (name === 'ready' || (claims.reads === 'cached' && !isWrite)) continue;

    if (isWrite) {
      fact(
        `where it is in doubt whether a ${name} has happened, that is told, and nothing is sent again`,
        (bench) => assertTold(bench, name, call, doubts()),
      );
    }

    fact(`what a failure of ${name} tells, it tells outside too, whatever its kind`, (bench) =>
      assertTold(bench, name, call, isWrite ? refusals() : [late(), damage(), compacted()]),
    );
  }
};

/** Each of these comes out with all that it knows, after one call inside. */
async function assertTold(
  bench: WrapperBench,
  name: string,
  call: (bench: WrapperBench) => Promise<unknown>,
  failures: readonly DgentsError[],
): Promise<void> {
  const { agent, inner } = bench;
  await agent.ready();
  for (const failure of failures) {
    inner.calls.splice(0);
    inner.failNext(failure);
    const error = await failureOf(call(bench), `${name}, of which ${failure.name} came inside,`);
    const sent = inner.calls.filter(({ method }) => method !== 'ready').length;
    assert.equal(sent, 1, `after ${failure.name} it was sent ${sent} times`);
    assertSame(error, failure);
    for (const [figure, due] of Object.entries(figuresOf(failure))) {
      assert.deepEqual(Reflect.get(error as object, figure), due, `${figure} of ${failure.name}`);
    }
  }
}

/** What the class of a failure knows beside what all of them do. The key may be another one outside. */
function figuresOf(failure: DgentsError): object {
  const { name: _, code: __, retryable: ___, key: ____, ...figures } = { ...failure };
  return figures;
}
