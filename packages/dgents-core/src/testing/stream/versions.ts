import assert from 'node:assert/strict';
import type { EventStream } from '../stream-subject.js';
import { failureOf, rejects } from '../support/assertions.js';
import { assertHolds, put, puts, recorded } from '../support/tally.js';
import { streamSuite } from './suite.js';

const CONFLICT = 'DGENTS_STATE_CONFLICT';

export const versions = streamSuite(
  'versions',
  ['capabilities', 'values', 'isolation', 'history'],
  (fact, { claims }) => {
    fact('an append that expects the end of the stream succeeds, one after the other', async (bench) => {
      const handles = [await bench.open(), await bench.open()];
      let end = 0;
      for (let i = 0; i < 8; i++) {
        const { version } = await handles[i % 2]!.append(puts(1, 1 + (i % 3)), { expectedVersion: end });
        assert.equal(version, end + 1 + (i % 3));
        end = version;
      }
      assert.equal((await recorded(handles[0]!)).length, end);
    });

    fact('an append that expects an earlier version is refused, and nothing is stored', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      await stream.append(puts(1, 4));
      for (const expectedVersion of [1, 2, 3]) {
        for (const handle of [stream, other, await bench.open()]) {
          await rejects(handle.append(put(9), { expectedVersion }), CONFLICT);
        }
      }
      await assertHolds(bench, puts(1, 4));
    });

    fact(
      'an append that expects a version in the future is refused, and nothing is stored',
      async (bench) => {
        const stream = await bench.open();
        await rejects(stream.append(put(9), { expectedVersion: 1 }), CONFLICT);
        await stream.append(puts(1, 2));
        for (const expectedVersion of [3, 4, 1_000]) {
          await rejects(stream.append(put(9), { expectedVersion }), CONFLICT);
          await rejects((await bench.open()).append(put(9), { expectedVersion }), CONFLICT);
        }
        await assertHolds(bench, puts(1, 2));
      },
    );

    fact('version 0 is that of a stream without events, and of no other', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      await other.load();
      await stream.append(put(1), { expectedVersion: 0 });
      for (const handle of [stream, other, await bench.open()]) {
        await rejects(handle.append(put(2), { expectedVersion: 0 }), CONFLICT);
      }
      await assertHolds(bench, [put(1)]);
    });

    fact(
      'what is expected is compared with the stream, and not with what the handle knows of it',
      async (bench) => {
        const [stream, other] = [await bench.open(), await bench.open()];
        await stream.append(put(1));
        await stream.load();
        await other.append([put(2), put(3)]);
        await rejects(stream.append(put(9), { expectedVersion: 1 }), CONFLICT);
        await other.append(put(4));
        await stream.append(put(5), { expectedVersion: 4 });
        await assertHolds(bench, puts(1, 5));
      },
    );

    fact('an append that expects nothing goes to the end, whoever has appended meanwhile', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      await stream.append(put(1));
      await stream.load();
      await other.append([put(2), put(3)]);
      assert.equal((await stream.append(put(4))).firstVersion, 4);
      assert.equal((await other.append(put(5))).firstVersion, 5);
      await assertHolds(bench, puts(1, 5));
    });

    fact('what cannot be a version is refused, and nothing is stored', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      for (const expectedVersion of [-1, 0.5, NaN, '1' as unknown as number]) {
        await failureOf(stream.append(put(9), { expectedVersion }), `expecting version ${expectedVersion}`);
      }
      await assertHolds(bench, [put(1)]);
    });

    if (!claims.tryAppend) return;
    fact('tryAppend tells a conflict as a value, with the version that is there', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      assert.deepEqual(outcome(await tried(stream, 0)), [true, 1]);
      assert.deepEqual(outcome(await tried(other, 0)), [false, 1]);
      assert.deepEqual(outcome(await tried(other, 1)), [true, 2]);
      assert.deepEqual(outcome(await tried(stream, 1)), [false, 2]);
      assert.deepEqual(outcome(await tried(stream, 7)), [false, 2]);
      await failureOf(stream.tryAppend!(null as never), 'trying to append what is no event');
      await assertHolds(bench, [put(1), put(1)]);
    });
  },
);

type Tried = Awaited<ReturnType<NonNullable<EventStream['tryAppend']>>>;

function tried(stream: EventStream, expectedVersion: number): Promise<Tried> {
  return stream.tryAppend!(put(1), { expectedVersion });
}

function outcome(result: Tried): [boolean, number] {
  return result.ok ? [true, result.version] : [false, result.actual.version];
}
