import assert from 'node:assert/strict';
import { assertSame } from '../support/account.js';
import { handOver, saveAll, span, story, write } from '../support/agents.js';
import { like, refuses, rejects } from '../support/assertions.js';
import { all } from '../support/records.js';
import { KINDS } from '../support/values.js';
import { agentSuite } from './suite.js';

/** Facts with many versions say that they want them: what goes unasked is the business of `retention`. */
const KEEPING = { retain: { ageMs: 3_600_000 } };

/** More than a page of whatever size holds. */
const MANY = 600;

export const history = agentSuite('history', ['values'], (fact, { claims, anyState }) => {
  if (!claims.history) {
    fact('no earlier version is kept: history is empty, and the past is LogCompactedError', async (bench) => {
      const agent = await bench.open();
      const [first, , last] = await saveAll(bench, agent, 1, 2, 3);
      assert.deepEqual(await agent.history(), []);
      await rejects(agent.load({ at: first! }), 'DGENTS_LOG_COMPACTED');
      assert.equal(bench.numberOf(await agent.load({ at: last! })), 3);
      assert.deepEqual(story(bench, await all(agent.timeline())), [3]);
    });
    limits(fact);
    return;
  }

  fact('history is newest first, without the current state', async (bench) => {
    await write(bench, [1, 2, 3, 4]);
    const agent = await bench.open();
    assert.deepEqual((await agent.history()).map(bench.numberOf), [3, 2, 1]);
    assert.deepEqual((await agent.history(2)).map(bench.numberOf), [3, 2]);
    assert.deepEqual((await agent.history(99)).map(bench.numberOf), [3, 2, 1]);
    assert.deepEqual((await agent.history(Infinity, { frozen: true })).map(bench.numberOf), [3, 2, 1]);
  });

  fact('history gives 100 states unless told', async (bench) => {
    await write(bench, span(1, 103), KEEPING);
    const agent = await bench.open();
    assert.deepEqual((await agent.history()).map(bench.numberOf), span(3, 102).reverse());
    assert.deepEqual((await agent.history(101)).map(bench.numberOf), span(2, 102).reverse());
  });

  fact('of what was never stored there is no history, whatever the default', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(1) });
    assert.deepEqual(await agent.history(), []);
    assert.deepEqual(await all(agent.timeline()), []);
    await agent.save(bench.of(2));
    assert.deepEqual(await agent.history(), []);
  });

  limits(fact);

  fact('the timeline is oldest first, with the current state, versions, heads and times', async (bench) => {
    const writer = await bench.open();
    const versions: number[] = [];
    for (const number of [1, 2, 3]) versions.push(await writer.save(bench.of(number), { meta: { number } }));
    await writer.ready();
    const walk = await all(writer.timeline());
    assert.deepEqual(story(bench, walk), [1, 2, 3]);
    assert.deepEqual(
      walk.map(({ version }) => version),
      versions,
    );
    for (const [i, { head, savedAt, meta }] of walk.entries()) {
      like(head, { version: versions[i] });
      assert.equal(savedAt?.getTime(), head?.at);
      assertSame(meta, { number: i + 1 });
    }
    assert.equal(new Set(walk.map(({ head }) => head?.id)).size, 3, 'every operation has an id of its own');
  });

  fact('from and to bound the timeline, both included', async (bench) => {
    const versions = await write(bench, span(1, 6));
    const agent = await bench.open();
    const walk = async (from?: number, to?: number): Promise<unknown> =>
      story(bench, await all(agent.timeline({ ...(from && { from }), ...(to && { to }) })));
    assert.deepEqual(await walk(versions[2]), [3, 4, 5, 6]);
    assert.deepEqual(await walk(undefined, versions[2]), [1, 2, 3]);
    assert.deepEqual(await walk(versions[2], versions[3]), [3, 4]);
    assert.deepEqual(await walk(versions[4], versions[4]), [5]);
    assert.deepEqual(await walk(versions[5]! + 1), []);
    assert.deepEqual(await walk(versions[3], versions[1]), []);
  });

  fact('however many versions there are, the timeline and history have them all', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(0), ...KEEPING });
    // At once, since they may share a write.
    for (let done = 0; done < MANY; done += 100) {
      await Promise.all(span(1, 100).map(() => agent.update(bench.next)));
    }
    await handOver(bench, agent);
    const reader = await bench.open();
    assert.deepEqual(story(bench, await all(reader.timeline())), span(1, MANY));
    assert.deepEqual((await reader.history(Infinity)).map(bench.numberOf), span(1, MANY - 1).reverse());
  });

  fact('a timeline has each version once, in order, also what is written while it is read', async (bench) => {
    await write(bench, [1, 2, 3]);
    const [reader, writer] = [await bench.open(), await bench.open()];
    await writer.load();
    const numbers: number[] = [];
    for await (const each of reader.timeline()) {
      numbers.push(each.deleted ? Number.NaN : bench.numberOf(each.state));
      // What comes later may appear at its end.
      if (numbers.length === 1 || numbers.length === 3) await saveAll(bench, writer, ...nextTwo(numbers));
    }
    assert.deepEqual(numbers, span(1, numbers.length));
    assert.ok(numbers.length >= 3, 'what was there when it began is in it');
  });

  fact('every version is read as it was, by whoever looks', async (bench) => {
    const versions = await write(bench, span(1, 40), KEEPING);
    const agent = await bench.open();
    for (const [i, version] of versions.entries()) {
      assertSame(await agent.load({ at: version }), bench.of(i + 1), `version ${version}`);
      like(await agent.read({ at: version }), { version, deleted: false, head: { version } });
    }
    assertSame(await agent.load(), bench.of(40));
  });

  fact('a version that is not there yet is a RangeError', async (bench) => {
    const versions = await write(bench, [1, 2]);
    const agent = await bench.open();
    for (const at of [versions[1]! + 1, 1e6, -1, 0, 1.5, NaN]) {
      await refuses(agent.load({ at }), 'RangeError', `loading at ${at}`);
      await refuses(agent.read({ at }), 'RangeError', `reading at ${at}`);
    }
    await refuses(agent.load({ at: '1' as never }), 'TypeError');
    await refuses(agent.load({ at: new Date(NaN) }), 'RangeError');
  });

  fact('a time gives what was current then', async (bench) => {
    const writer = await bench.open();
    for (const number of [1, 2, 3]) {
      await writer.save(bench.of(number));
      await tick();
    }
    const walk = await all(writer.timeline());
    const times = walk.map(({ head }) => head!.at);
    for (const time of times) {
      // Where the clock of the writer stands still, several versions have the same time.
      const current = walk.filter(({ head }) => head!.at <= time).at(-1)!;
      like(await writer.read({ at: new Date(time) }), { version: current.version });
      const later = await all(writer.timeline({ from: new Date(time) }));
      assert.equal(later.length, times.filter((each) => each >= time).length);
      const earlier = await all(writer.timeline({ to: new Date(time) }));
      assert.equal(earlier.length, times.filter((each) => each <= time).length);
    }
    await rejects(writer.load({ at: new Date(times[0]! - 1) }), 'DGENTS_STATE_NOT_FOUND');
    like(await writer.read({ at: new Date(times[2]! + 60_000) }), { version: walk[2]!.version });
  });

  fact('the past has no default', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(9) });
    await saveAll(bench, agent, 1);
    const { savedAt } = await agent.read();
    await rejects(agent.load({ at: new Date(savedAt!.getTime() - 1000) }), 'DGENTS_STATE_NOT_FOUND');
  });

  fact('what update made is a version like any other', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(1) });
    const made = [
      await agent.update(bench.next),
      await agent.update(bench.next),
      await agent.update(bench.next),
    ];
    assert.deepEqual((await agent.history()).map(bench.numberOf), [3, 2]);
    for (const { version, state } of made) assertSame(await agent.load({ at: version }), state);
  });

  if (claims.delete) {
    fact('deletions are skipped by history and shown by the timeline', async (bench) => {
      const agent = await bench.open();
      const [, second] = await saveAll(bench, agent, 1, 2);
      await agent.delete();
      const [third] = await saveAll(bench, agent, 3);
      // Numbering that starts anew has a promise of its own: `versions`.
      if (third! <= second!) return;
      await agent.delete();
      await saveAll(bench, agent, 4, 5);
      assert.deepEqual((await agent.history()).map(bench.numberOf), [4, 3, 2, 1]);
      assert.deepEqual((await agent.history(2)).map(bench.numberOf), [4, 3]);
      assert.deepEqual((await agent.history(3)).map(bench.numberOf), [4, 3, 2]);
      const walk = await all(agent.timeline());
      assert.deepEqual(story(bench, walk), [1, 2, 'deleted', 3, 'deleted', 4, 5]);
      const tombstone = walk[2]!;
      like(tombstone, { deleted: true, head: { version: tombstone.version, deleted: true } });
      await rejects(agent.load({ at: tombstone.version }), 'DGENTS_STATE_NOT_FOUND');
      assert.equal(bench.numberOf(await agent.load({ at: walk[3]!.version })), 3);
    });

    fact('a deleted state leaves its past readable', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      const [first] = await saveAll(bench, agent, 1, 2);
      await agent.delete();
      assert.deepEqual((await agent.history()).map(bench.numberOf), [2, 1]);
      assert.equal(bench.numberOf(await agent.load({ at: first! })), 1);
      assert.deepEqual(story(bench, await all(agent.timeline())), [1, 2, 'deleted']);
    });
  }

  if (!anyState) return;
  fact('every kind of value is in the past as it was', async (bench) => {
    const agent = await bench.open(KEEPING);
    const versions: { version: number; value: unknown }[] = [];
    for (const { make } of KINDS) {
      for (const value of make()) {
        versions.push({ version: await agent.save({ value, pad: 'x'.repeat(200) }), value });
      }
    }
    await handOver(bench, agent);
    const reader = await bench.open();
    const back = (await reader.history(Infinity)).reverse() as { value: unknown }[];
    for (const [i, { version, value }] of versions.entries()) {
      if (i < back.length) assertSame(back[i]!.value, value, 'in history');
      assertSame(((await reader.load({ at: version })) as { value: unknown }).value, value, `at ${version}`);
    }
  });
});

function limits(fact: Parameters<Parameters<typeof agentSuite>[2]>[0]): void {
  fact('a limit of 0 is none, and one that is no whole number from 0 on a RangeError', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1, 2);
    assert.deepEqual(await agent.history(0), []);
    for (const wrong of [-1, 1.5, NaN, -Infinity]) {
      await refuses(agent.history(wrong), 'RangeError', `history(${wrong})`);
    }
    await refuses(agent.history('1' as never), 'TypeError', 'history("1")');
  });
}

/** The numbers of the two states to be written after so many were read. */
function nextTwo({ length }: readonly number[]): number[] {
  return length === 1 ? [4, 5] : [6, 7];
}

/** Lets the clock move. */
function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 3));
}
