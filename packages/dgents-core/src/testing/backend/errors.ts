import assert from 'node:assert/strict';
import type { Append, Backend, LogRecord } from '../../backend.js';
import { DgentsError } from '../../errors.js';
import { refuses, rejects } from '../support/assertions.js';
import { all, appendOf, checkpointOf, grow, headOf, record } from '../support/records.js';
import { stateDamage } from './damage.js';
import { stateGivenUp } from './given-up.js';
import { stateOutage } from './outage.js';
import { backendSuite } from './suite.js';

// Rests on what reads and versions are elsewhere; that a mistake is found does not.
const PRESUMED = [
  'capabilities',
  'values',
  'keys',
  'history',
  'versions',
  'operations',
  'retention',
  'ttl',
] as const;

export const errors = backendSuite('errors', PRESUMED, (fact, subject) => {
  const { claims } = subject;

  const mistakes: Record<string, [() => Append[], 'TypeError' | 'RangeError']> = {
    'without a record': [() => [appendOf('k', null)], 'TypeError'],
    'of one key twice': [() => [appendOf('k', null, record(1)), appendOf('k', null, record(1))], 'TypeError'],
    'whose first record skips a version': [() => [appendOf('k', null, record(2))], 'RangeError'],
    'whose records leave a gap': [() => [appendOf('k', null, record(1), record(3))], 'RangeError'],
    'whose records stand still': [() => [appendOf('k', null, record(1), record(1))], 'RangeError'],
    'that does not follow what it expects': [() => [appendOf('k', record(1), record(1))], 'RangeError'],
  };
  for (const [what, [make, kind]] of Object.entries(mistakes)) {
    fact(`a commit ${what} is a ${kind}, and nothing of it is written`, async ({ backend }) => {
      await refuses(backend.commit(make()), kind);
      // Not even what was right about it.
      await refuses(backend.commit([appendOf('good', null, record(1)), ...make()]), kind);
      for (const key of ['good', 'k']) assert.equal((await backend.read(key)).head, null, key);
    });
  }

  if (claims.ttl) {
    fact('a time to live that is none is a RangeError, and nothing is written', async ({ backend }) => {
      for (const ttlMs of [0, -1, Number.NaN]) {
        const append = { ...appendOf('k', null, record(1)), ttlMs };
        await refuses(backend.commit([append]), 'RangeError', `ttlMs ${ttlMs}`);
      }
      assert.equal((await backend.read('k')).head, null);
    });
  }

  fact('a limit that is no count is a RangeError', async ({ backend }) => {
    await grow(backend, 'k', ['set', 'patch']);
    for (const limit of [-1, 1.5, Number.NaN]) {
      const calls: Record<string, Promise<unknown>> = {
        read: backend.read('k', { limit }),
        range: all(backend.range('k', { limit })),
        keys: all(backend.keys('', { limit })),
      };
      await Promise.all(
        Object.entries(calls).map(([name, call]) =>
          refuses(call, 'RangeError', `${name} with limit ${limit}`),
        ),
      );
    }
  });

  fact('reading as of what is no version, or of one before `after`, is a RangeError', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
    for (const at of [0, -1, 1.5, Number.NaN]) {
      await refuses(backend.read('k', { at }), 'RangeError', `at ${at}`);
    }
    await refuses(backend.read('k', { at: 2, after: headOf(log[2]!) }), 'RangeError', 'at 2 after 3');
  });

  fact('reading below the floor is LogCompactedError with the key and the floor', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
    await backend.trim('k', checkpointOf(log[2]!));
    await rejects(backend.read('k', { at: 2 }), 'DGENTS_LOG_COMPACTED', { key: 'k', floor: 3 });
  });

  fact('AgentClosedError of a call about a key carries the key', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set']);
    await backend.close();
    for (const [name, call] of callsAbout(backend, 'k', log)) {
      const outcome = await call().catch((error: unknown) => error);
      // That it is this error, and no other, is a fact of `lifecycle`.
      if (DgentsError.is(outcome, 'DGENTS_AGENT_CLOSED')) assert.equal(outcome.key, 'k', name);
    }
  });

  stateGivenUp(fact);
  stateDamage(fact, subject);
  stateOutage(fact, subject);
});

/** Calls about one key that every backend has. */
function callsAbout(
  backend: Backend,
  key: string,
  log: readonly LogRecord[],
): [string, () => Promise<unknown>][] {
  const last = log.at(-1)!;
  return [
    ['read', () => backend.read(key)],
    ['commit', () => backend.commit([appendOf(key, last, record(last.version + 1))])],
    ['checkpoint', () => backend.checkpoint(key, checkpointOf(last))],
    ['range', () => all(backend.range(key))],
    ['trim', () => backend.trim(key, checkpointOf(last))],
  ];
}
