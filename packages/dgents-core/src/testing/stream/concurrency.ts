import assert from 'node:assert/strict';
import { DgentsError } from '../../errors.js';
import { together } from '../children/child.js';
import type { Facts } from '../kit.js';
import type { EventStreamBench } from '../stream-bench.js';
import type { GivenEventStream, StreamEvent } from '../stream-subject.js';
import { needsModule } from '../support/needs-module.js';
import { eventsOf, hold, put, recorded, type Tally } from '../support/tally.js';
import { streamSuite } from './suite.js';

const LONG_MS = 600_000;

export const concurrency = streamSuite(
  'concurrency',
  [
    'capabilities',
    'values',
    'isolation',
    'history',
    'versions',
    'operations',
    'atomicity',
    'errors',
    'lifecycle',
  ],
  (fact, subject) => {
    fact('eight handles that append at once lose nothing, and each keeps its own order', async (bench) => {
      const handles = await Promise.all(Array.from({ length: 8 }, () => bench.open()));
      const told = await Promise.all(
        handles.map(async (handle, who) => {
          const versions: number[] = [];
          for (let n = 0; n < 8; n++) versions.push((await handle.append(hold([who, n]))).version);
          return versions;
        }),
      );
      await assertEach(bench, told);
    });

    fact('appends that one handle makes at once are stored in the order of the calls', async (bench) => {
      const stream = await bench.open();
      const told = await Promise.all(
        Array.from({ length: 20 }, (_, n) => stream.append(hold([0, n])).then(({ version }) => version)),
      );
      await assertEach(bench, [told]);
    });

    fact('of several that expect one version exactly one appends, round after round', async (bench) => {
      const handles = await Promise.all(Array.from({ length: 6 }, () => bench.open()));
      for (let end = 0; end < 5; end++) {
        const ends = await Promise.all(
          handles.map((handle, i) => lostOr(handle.append(put(i), { expectedVersion: end }))),
        );
        const winners = ends.filter((version) => version !== undefined);
        assert.deepEqual(winners, [end + 1], 'one wins, and the others are told');
        assert.equal((await eventsOf(handles[0]!)).length, end + 1);
      }
    });

    if (subject.claims.decide) {
      fact('commands at once are each decided in the state that the one before left', async (bench) => {
        const handles = await Promise.all(Array.from({ length: 5 }, () => bench.open()));
        await handles[0]!.append(put(12));
        const ends = await Promise.allSettled(
          Array.from({ length: 20 }, (_, i) => handles[i % 5]!.decide!({ take: 1 })),
        );
        const taken = ends.filter(({ status }) => status === 'fulfilled').length;
        assert.equal(taken, 12, `${taken} were told that they took one of 12`);
        const { stock, count } = (await (await bench.open()).load()) as Tally;
        assert.deepEqual([stock, count], [0, 13]);
      });
    }

    stateProcesses(fact, subject);
  },
);

/** The version, or undefined when the append lost. */
async function lostOr(appending: Promise<{ version: number }>): Promise<number | undefined> {
  try {
    return (await appending).version;
  } catch (error) {
    if (DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) return undefined;
    throw error;
  }
}

/** Each writer's numbers are there once, in its own order, where it was told. */
async function assertEach(bench: EventStreamBench, told: readonly (readonly number[])[]): Promise<void> {
  const found = await recorded(await bench.open());
  const due = told.flat().length;
  assert.equal(found.length, due, `${due} appends were acknowledged, and ${found.length} are there`);
  for (const [who, versions] of told.entries()) {
    const own = found.filter(({ event }) => writerOf(event) === who);
    assert.deepEqual(
      own.map(({ event }) => (event['value'] as number[])[1]),
      versions.map((_, n) => n),
      'not the order of its writer',
    );
    assert.deepEqual(
      own.map(({ version }) => version),
      versions,
      'an append was told another version',
    );
  }
}

function writerOf(event: StreamEvent): number {
  return (event['value'] as readonly number[])[0] as number;
}

function stateProcesses(fact: Facts<EventStreamBench>, subject: GivenEventStream): void {
  const { sharing } = subject.claims;
  if (sharing === 'process') return;
  if (subject.importFrom === undefined) {
    needsModule(fact, `sharing ${JSON.stringify(sharing)}`);
    return;
  }
  fact(
    'four processes that append to one stream lose nothing, and each keeps its own order',
    async (bench) => {
      const times = bench.effort.times(10);
      const jobs = Array.from({ length: 4 }, (_, who) => ({
        do: 'append' as const,
        key: 'stream',
        who,
        times,
      }));
      await assertEach(bench, (await together(bench, jobs, 'versions')) as number[][]);
    },
    LONG_MS,
  );
}
