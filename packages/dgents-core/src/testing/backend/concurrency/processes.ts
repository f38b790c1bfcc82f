/** Writers in processes of their own, where more than one process can open the same logs. */
import assert from 'node:assert/strict';
import type { Backend } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import { together } from '../../children/child.js';
import { withFreshPlace } from '../../children/places.js';
import type { Facts } from '../../kit.js';
import type { GivenBackend } from '../../subject.js';
import { type Operation, unexplained } from '../../support/linearizability.js';
import { needsModule } from '../../support/needs-module.js';
import { all } from '../../support/records.js';

type Win = readonly [key: string, version: number, id: string];

const LONG_MS = 600_000;

export function stateProcesses(fact: Facts<BackendBench>, subject: GivenBackend): void {
  const { sharing } = subject.claims;
  if (sharing === 'process') return;
  if (subject.importFrom === undefined) {
    needsModule(fact, `sharing ${JSON.stringify(sharing)}`);
    return;
  }

  fact(
    'four processes that compare and set on one key and on several lose nothing',
    async (bench) => {
      const keys = ['shared', 'a', 'b', 'c'];
      const times = bench.effort.times(15);
      const jobs = keys.map((_, i) => ({
        do: 'count' as const,
        keys: [...keys.slice(i), ...keys.slice(0, i), 'shared'],
        times,
      }));
      const wins = ((await together(bench, jobs, 'wins')) as Win[][]).flat();
      const each = times * 4;
      await assertCounted(bench.backend, wins, { shared: each * 2, a: each, b: each, c: each });
    },
    LONG_MS,
  );

  fact(
    'ten processes that open an empty place at once all succeed',
    () =>
      // Not the bench's own place: a handle may have prepared it already.
      withFreshPlace(subject, async (place) => {
        const jobs = Array.from({ length: 10 }, () => ({ do: 'count' as const, keys: ['a', 'b'], times: 1 }));
        const wins = ((await together({ subject, place }, jobs, 'wins')) as Win[][]).flat();
        const backend = await subject.open(place as never);
        await assertCounted(backend, wins, { a: 10, b: 10 }).finally(() => backend.close());
      }),
    LONG_MS,
  );

  const clients = 'what clients of several processes see is explained by one order of events';
  if (process.platform !== 'linux') {
    fact.untested(clients, 'only Linux has a clock that is known to be the same in every process');
    return;
  }
  fact(
    clients,
    async (bench) => {
      for (let round = 0; round < bench.effort.times(1); round++) {
        const jobs = Array.from({ length: 3 }, (_, i) => ({
          do: 'record' as const,
          key: `round-${round}-of-${bench.effort.seed}`,
          client: `process ${i}`,
          times: 60,
        }));
        assert.deepEqual(
          unexplained(((await together(bench, jobs, 'operations')) as Operation[][]).flat()),
          [],
        );
      }
    },
    LONG_MS,
  );
}

/** Each count is as high as it was raised, step by step, by whoever was told so. */
async function assertCounted(
  backend: Backend,
  wins: readonly Win[],
  due: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [key, total] of Object.entries(due)) {
    const log = await all(backend.range(key));
    const counts = log.map(({ data }) => (JSON.parse(data) as { count: number }).count);
    const steps = Array.from({ length: total }, (_, i) => i + 1);
    assert.deepEqual(counts, steps, `"${key}" was raised ${total} times, and its log does not count so`);
    const won = wins.filter(([name]) => name === key).sort(([, a], [, b]) => a - b);
    assert.deepEqual(
      log.map(({ version, id }) => [key, version, id]),
      won.map((each) => [...each]),
      `the log of "${key}" is not made of the appends that were told that they won`,
    );
  }
}
