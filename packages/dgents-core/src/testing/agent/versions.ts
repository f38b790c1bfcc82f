import assert from 'node:assert/strict';
import { found, handOver, saveAll, write } from '../support/agents.js';
import { like, rejects } from '../support/assertions.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

export const versions = agentSuite('versions', ['values', 'history'], (fact, { claims }) => {
  fact('every write makes a version, and versions only grow', async (bench) => {
    const agent = await bench.open();
    const made = await saveAll(bench, agent, 1, 2);
    made.push((await agent.update(bench.next)).version, ...(await saveAll(bench, agent, 4)));
    for (const [i, version] of made.entries()) {
      assert.ok(Number.isSafeInteger(version) && version > (made[i - 1] ?? 0), `versions ${made.join()}`);
    }
    like(await agent.read(), { version: made[3], head: { version: made[3], deleted: false } });
    await handOver(bench, agent);
    like(await (await bench.open()).read(), { version: made[3] });
  });

  fact('saving an equal state makes a version, and so does an update that changes nothing', async (bench) => {
    const agent = await bench.open();
    const [first, second] = await saveAll(bench, agent, 1, 1);
    assert.ok(second! > first!, `version ${second} after ${first}`);
    const { version } = await agent.update((state) => state);
    assert.ok(version > second!, `version ${version} after ${second}`);
  });

  fact('a default is given by load and stored by no way of reading', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(7) });
    assert.equal(bench.numberOf(await agent.load()), 7);
    like(await agent.read(), { version: 0, head: null, savedAt: null, meta: undefined, deleted: false });
    await agent.load({ frozen: true });
    await agent.history();
    await all(agent.timeline());
    await handOver(bench, agent);
    const other = await bench.open();
    await rejects(other.load(), 'DGENTS_STATE_NOT_FOUND');
    await rejects(other.read(), 'DGENTS_STATE_NOT_FOUND');
    assert.equal(await found(bench, { initial: () => bench.of(8) }), 8);
  });

  fact('an update starts from the default, and stores what it makes of it', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(7) });
    assert.equal(bench.numberOf((await agent.update(bench.next)).state), 8);
    await handOver(bench, agent);
    assert.equal(await found(bench), 8);
  });

  fact(
    'what is missing is not empty: without a default there is nothing to load or update',
    async (bench) => {
      const agent = await bench.open();
      await rejects(agent.load(), 'DGENTS_STATE_NOT_FOUND');
      await rejects(agent.read(), 'DGENTS_STATE_NOT_FOUND');
      await rejects(agent.update(bench.next), 'DGENTS_STATE_NOT_FOUND');
      await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
    },
  );

  fact('what is stored goes before the default', async (bench) => {
    await write(bench, [1]);
    assert.equal(await found(bench, { initial: () => bench.of(7) }), 1);
  });

  if (claims.conflicts === 'deferred') deferredConflicts(fact);
  else {
    conflicts(fact);
    expectations(fact);
  }
  if (claims.delete) deletions(fact, claims.conflicts === 'immediate');
  if (claims.history && claims.conflicts === 'immediate') {
    fact('looking back does not count as having looked at the present', async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      const [latest] = await write(bench, [2]);
      await agent.load({ at: latest! });
      await agent.history();
      await all(agent.timeline());
      await rejects(agent.save(bench.of(3)), 'DGENTS_STATE_CONFLICT');
      assert.equal(await found(bench), 2);
    });
  }
});

type Facts = Parameters<Parameters<typeof agentSuite>[2]>[0];

function conflicts(fact: Facts): void {
  fact('a save over what its handle has not seen is a conflict that tells both versions', async (bench) => {
    const one = await bench.open();
    const [mine] = await saveAll(bench, one, 1);
    const { head } = await one.read();
    const other = await bench.open();
    await other.load();
    const theirs = await other.save(bench.of(2), { operationId: 'the-winner' });
    const error = await rejects(one.save(bench.of(3)), 'DGENTS_STATE_CONFLICT', {
      expected: { version: mine, id: head!.id },
      actual: { version: theirs, id: 'the-winner' },
    });
    assert.equal(error.retryable, false, 'to repeat a save that lost would overwrite');
    assert.equal(await found(bench), 2);
  });

  fact('a conflict stays one until the handle has loaded again', async (bench) => {
    const one = await bench.open();
    await saveAll(bench, one, 1);
    await write(bench, [2]);
    for (let i = 0; i < 3; i += 1) await rejects(one.save(bench.of(3)), 'DGENTS_STATE_CONFLICT');
    assert.equal(await found(bench), 2);
    assert.equal(bench.numberOf(await one.load()), 2);
    await one.save(bench.of(3));
    assert.equal(await found(bench), 3);
  });

  fact('an absent state that a handle saw is compared too', async (bench) => {
    const one = await bench.open();
    await rejects(one.load(), 'DGENTS_STATE_NOT_FOUND');
    const withDefault = await bench.open({ initial: () => bench.of(0) });
    await withDefault.load();
    const [theirs] = await write(bench, [1]);
    const told = { expected: { version: 0 }, actual: { version: theirs } };
    await rejects(one.save(bench.of(2)), 'DGENTS_STATE_CONFLICT', told);
    await rejects(withDefault.save(bench.of(2)), 'DGENTS_STATE_CONFLICT', told);
    assert.equal(await found(bench), 1);
  });

  fact('a handle that has seen nothing overwrites', async (bench) => {
    await write(bench, [1]);
    const blind = await bench.open();
    await blind.save(bench.of(2));
    assert.equal(await found(bench), 2);
    await blind.save(bench.of(3));
    assert.equal(await found(bench), 3);
  });

  fact('an update applies its recipe to what is there now, whatever its handle has seen', async (bench) => {
    const one = await bench.open();
    await saveAll(bench, one, 1);
    await write(bench, [10]);
    assert.equal(bench.numberOf((await one.update(bench.next)).state), 11);
    assert.equal(await found(bench), 11);
  });
}

/** Which ways of comparing there are, seen and not seen. */
function expectations(fact: Facts): void {
  fact('expected takes a Versioned, a head, a version and "any"', async (bench) => {
    const [one, other] = [await bench.open(), await bench.open()];
    const version = await other.save(bench.of(1));
    await one.save(bench.of(2), { expected: version });
    await other.load();
    await one.save(bench.of(3), { expected: await other.read() });
    await one.save(bench.of(4), { expected: (await other.read()).head! });
    await other.load();
    await other.save(bench.of(5));
    await one.save(bench.of(6), { expected: 'any' });
    assert.equal(await found(bench), 6);
  });

  fact('expected refuses what is no longer the newest, on every kind of write', async (bench) => {
    const one = await bench.open();
    await one.save(bench.of(1));
    const seen = await one.read();
    await one.save(bench.of(2));
    for (const stale of [seen, seen.head!, seen.version, 0, seen.version + 50] as const) {
      const options = { expected: stale };
      await rejects(one.save(bench.of(9), options), 'DGENTS_STATE_CONFLICT');
      await rejects(one.update(bench.next, options), 'DGENTS_STATE_CONFLICT');
      if (bench.subject.claims.delete) await rejects(one.delete(options), 'DGENTS_STATE_CONFLICT');
    }
    assert.equal(await found(bench), 2);
  });

  fact('expected 0 means that there is no live state', async (bench) => {
    const one = await bench.open();
    await one.save(bench.of(1), { expected: 0 });
    await rejects(one.save(bench.of(2), { expected: 0 }), 'DGENTS_STATE_CONFLICT');
    if (!bench.subject.claims.delete) return;
    await one.delete();
    await (await bench.open()).save(bench.of(3), { expected: 0 });
    assert.equal(await found(bench), 3);
  });

  fact('expected compares the operation, not its version alone', async (bench) => {
    const one = await bench.open();
    await one.save(bench.of(1));
    const { head } = await one.read();
    const forged = { ...head!, id: 'of-another' };
    await rejects(one.save(bench.of(2), { expected: forged }), 'DGENTS_STATE_CONFLICT');
    assert.equal(await found(bench), 1);
  });

  fact('a default that was read is compared as nothing', async (bench) => {
    const one = await bench.open({ initial: () => bench.of(0) });
    const seen = await one.read();
    await one.save(bench.of(1), { expected: seen });
    await rejects((await bench.open()).save(bench.of(2), { expected: seen }), 'DGENTS_STATE_CONFLICT');
  });
}

function deletions(fact: Facts, immediate: boolean): void {
  fact('a deleted state is missing, and deleting tells whether there was one', async (bench) => {
    const agent = await bench.open();
    assert.equal(await agent.delete(), false);
    await saveAll(bench, agent, 1);
    assert.equal(await agent.delete(), true);
    await rejects(agent.load(), 'DGENTS_STATE_NOT_FOUND');
    assert.equal(await agent.delete(), false);
    await handOver(bench, agent);
    await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
    assert.equal(await found(bench, { initial: () => bench.of(7) }), 7);
  });

  fact('numbering goes on after a deletion', async (bench) => {
    const agent = await bench.open();
    const [, second] = await saveAll(bench, agent, 1, 2);
    await agent.delete();
    const [next] = await saveAll(bench, agent, 3);
    assert.ok(next! > second! + 1, `version ${next} after ${second} and a tombstone`);
    await handOver(bench, agent);
    const other = await bench.open();
    assert.equal((await other.read()).version, next);
    await other.delete();
    const [last] = await saveAll(bench, other, 4);
    assert.ok(last! > next! + 1, `version ${last} after ${next} and a tombstone`);
  });

  if (!immediate) return;
  fact('delete compares as save does', async (bench) => {
    const [one, other] = [await bench.open(), await bench.open()];
    await saveAll(bench, one, 1);
    await other.load();
    await saveAll(bench, other, 2);
    await rejects(one.delete(), 'DGENTS_STATE_CONFLICT');
    assert.equal(await found(bench), 2);
    await one.load();
    assert.equal(await one.delete(), true);
    await rejects(other.save(bench.of(3)), 'DGENTS_STATE_CONFLICT');
    await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
  });

  fact('a handle that saw the state deleted may write it anew, once', async (bench) => {
    const [one, other] = [await bench.open(), await bench.open()];
    await saveAll(bench, one, 1);
    await other.load();
    await one.delete();
    await rejects(other.load(), 'DGENTS_STATE_NOT_FOUND');
    await saveAll(bench, other, 2);
    await rejects(one.save(bench.of(3)), 'DGENTS_STATE_CONFLICT');
    assert.equal(await found(bench), 2);
  });
}

function deferredConflicts(fact: Facts): void {
  fact('a save that lost is told later, and does not overwrite what won', async (bench) => {
    await write(bench, [1]);
    const [one, other] = [await bench.open(), await bench.open()];
    await one.load();
    await other.load();
    await saveAll(bench, other, 2);
    await other.close();
    const ends = [await endOf(one.save(bench.of(3))), await endOf(one.load()), await endOf(one.close())];
    const told = ends.some((end) => Reflect.get(Object(end), 'code') === 'DGENTS_STATE_CONFLICT');
    assert.ok(told, 'a save that lost was never told: not by itself, nor by a later call, nor by close');
    assert.equal(await found(bench), 2);
  });
}

/** What a call rejects with, if it does. */
function endOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}
