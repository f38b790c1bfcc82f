import assert from 'node:assert/strict';
import type { Append, Backend, Checkpoint, LogRecord, LogTail } from '../../backend.js';
import { readWhole } from '../support/readings.js';
import {
  all,
  appendOf,
  checkpointOf,
  commitOne,
  freshKey,
  grow,
  headOf,
  record,
} from '../support/records.js';
import { stateAnswers } from './isolation/answers.js';
import { backendSuite } from './suite.js';

const META = { by: 'one', deep: { list: [1, { a: 1 }] } };

export const isolation = backendSuite('isolation', ['capabilities', 'values'], (fact, subject) => {
  fact(
    'arrays that were returned are the caller’s: emptying them changes nothing stored',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', 'patch']);
      const append = appendOf('k', log[1]!, record(3));
      const results = await backend.commit([append]);
      const before = await snapshot(backend, 'k');
      attempt(() => empty(results));
      for (const options of [{}, { at: 2 }, { limit: 1 }, { after: headOf(log[0]!) }]) {
        const { records } = await backend.read('k', options);
        attempt(() => empty(records));
        assert.equal(await snapshot(backend, 'k'), before);
        assert.notEqual((await backend.read('k', options)).records.length, 0);
      }
      assert.equal(await snapshot(backend, 'k'), before);
    },
  );

  fact('heads that were returned are the caller’s, by whichever call', async ({ backend }) => {
    const [first] = await grow(backend, 'k', ['set']);
    const { head } = await commitOne(backend, appendOf('k', first!, record(2)));
    // That a conflict is a result, and writes nothing, is promised elsewhere.
    const [conflict] = await backend.commit([appendOf('k', null, record(1))]).catch(() => []);
    const before = await snapshot(backend, 'k');
    const [entry] = await all(backend.keys('', { heads: true }));
    for (const each of [head, conflict?.head, entry?.head, (await backend.read('k')).head]) {
      spoil(each);
      assert.equal(await snapshot(backend, 'k'), before);
    }
  });

  fact('arrays that were given may be changed once the commit has settled', async ({ backend }) => {
    const given = [record(1), record(2, 'patch')];
    const appends: Append[] = [{ ...appendOf('a', null, ...given), records: given }];
    appends.push(appendOf('b', null, record(1)));
    await backend.commit(appends);
    const before = [await snapshot(backend, 'a'), await snapshot(backend, 'b')];
    given.push(record(3));
    given.shift();
    empty(appends);
    assert.deepEqual([await snapshot(backend, 'a'), await snapshot(backend, 'b')], before);
    assert.equal((await backend.read('a')).head?.version, 2);
  });

  fact(
    'logs that began with the same array of records, or the same records, go on by themselves',
    async ({ backend }) => {
      const records = [record(1), record(2, 'patch')];
      for (const key of ['a', 'b']) await commitOne(backend, { key, expected: null, records });
      const before = await snapshot(backend, 'b');
      await grow(backend, 'a', ['patch'], records);
      assert.equal(records.length, 2);
      assert.equal(await snapshot(backend, 'b'), before);
    },
  );

  fact('what is given is only read: all of it may be frozen', async ({ backend }) => {
    const log = [record(1, 'set', { meta: META }), record(2, 'patch')];
    const append = deepFreeze(structuredClone(appendOf('k', null, ...log)));
    await backend.commit(deepFreeze([append]), deepFreeze({ atomic: true }));
    const { head } = await backend.read('k');
    await backend.commit(deepFreeze([{ key: 'k', expected: head, records: [record(3)] }]));
    await backend.read('k', deepFreeze({ after: headOf(log[0]!), limit: 1 }));
    await backend.checkpoint('k', deepFreeze({ ...checkpointOf(log[1]!), meta: structuredClone(META) }));
    await all(backend.range('k', deepFreeze({ from: 1, to: 2, reverse: true, limit: 1 })));
    await all(backend.keys('k', deepFreeze({ after: 'a', heads: true, limit: 1 })));
    await backend.trim('k', deepFreeze({ ...checkpointOf(log[1]!), meta: structuredClone(META) }));
  });

  fact('two handles on one place see the same', async ({ backend, open }) => {
    const second = await open();
    const log = await grow(backend, 'k', ['set', 'patch']);
    assert.equal(await snapshot(second, 'k'), await snapshot(backend, 'k'));
    // What a handle has read once, it must not hold on to.
    await grow(second, 'k', ['patch'], log);
    await grow(second, 'other', ['set']);
    for (const key of ['k', 'other']) assert.equal(await snapshot(backend, key), await snapshot(second, key));
    assert.equal((await backend.read('k')).head?.version, 3);
    assert.deepEqual(await keysOf(backend), ['k', 'other']);
  });

  fact('two places share nothing', async ({ backend, elsewhere }) => {
    const other = await elsewhere();
    const log = await grow(backend, 'k', ['set', 'patch']);
    assert.equal((await other.read('k')).head, null);
    assert.deepEqual(await keysOf(other), []);
    await grow(other, 'k', ['set']);
    await grow(other, 'of the other', ['set']);
    const before = await snapshot(other, 'k');
    await backend.checkpoint('k', checkpointOf(log[1]!));
    await grow(backend, 'k', ['patch'], log);
    assert.equal(await snapshot(other, 'k'), before);
    assert.deepEqual(await keysOf(backend), ['k']);
  });

  stateAnswers(fact, subject, spoil);

  if (subject.claims.values) return;

  fact('records that were returned are the caller’s, their meta at every depth', async ({ backend }) => {
    const log = await grow(backend, 'k', [
      { kind: 'set', meta: structuredClone(META) },
      { kind: 'patch', meta: structuredClone(META) },
    ]);
    const before = await snapshot(backend, 'k');
    const tails = [await backend.read('k'), await backend.read('k', { after: headOf(log[0]!) })];
    const found = [...tails.flatMap(({ records }) => records), ...(await all(backend.range('k')))];
    assert.ok(found.length > 0);
    for (const each of [...found, ...tails]) {
      spoil(each);
      assert.equal(await snapshot(backend, 'k'), before);
    }
  });

  fact('checkpoints and bases that were returned are the caller’s', async ({ backend }) => {
    for (const offer of ['checkpoint', 'trim'] as const) {
      const key = freshKey();
      const log = await grow(backend, key, ['set', 'patch', 'patch']);
      await backend[offer](key, { ...checkpointOf(log[1]!), meta: structuredClone(META) });
      const before = await snapshot(backend, key);
      const { base, checkpoint } = await backend.read(key);
      spoil(base ?? checkpoint);
      assert.equal(await snapshot(backend, key), before);
    }
  });

  fact(
    'records that were given may be changed once the commit has settled, their meta too',
    async ({ backend }) => {
      const first = record(1, 'set', { meta: structuredClone(META) });
      const append = appendOf('k', null, first);
      const { head } = await commitOne(backend, append);
      const before = await snapshot(backend, 'k');
      spoil(first);
      spoil(append);
      assert.equal(await snapshot(backend, 'k'), before);
      const expected = { ...head! };
      await commitOne(backend, { key: 'k', expected, records: [record(2)] });
      const after = await snapshot(backend, 'k');
      spoil(expected);
      assert.equal(await snapshot(backend, 'k'), after);
    },
  );

  fact('checkpoints and bases that were given may be changed once they are taken', async ({ backend }) => {
    for (const offer of ['checkpoint', 'trim'] as const) {
      const key = freshKey();
      const log = await grow(backend, key, ['set', 'patch', 'patch']);
      const given = { ...checkpointOf(log[1]!), meta: structuredClone(META) };
      await backend[offer](key, given);
      const before = await snapshot(backend, key);
      spoil(given);
      assert.equal(await snapshot(backend, key), before);
    }
  });
});

/** All that can be seen of a key, as text. */
async function snapshot(backend: Backend, key: string): Promise<string> {
  const tail: LogTail = await readWhole(backend, key);
  const { head, floor, since, base, checkpoint, records } = tail;
  const start = base ?? checkpoint;
  const ranged = await all(backend.range(key));
  return JSON.stringify({
    head: head && { ...head },
    floor,
    since,
    start: start && shape(start),
    records: records.map(shape),
    ranged: ranged.map(shape),
  });
}

function shape({ version, id, at, data, meta }: LogRecord | Checkpoint): unknown {
  return [version, id, at, data, meta];
}

async function keysOf(backend: Backend): Promise<string[]> {
  return (await all(backend.keys())).map(({ key }) => key).sort();
}

function empty(array: readonly unknown[]): void {
  (array as unknown[]).length = 0;
}

/** Refusing to be changed is as good as being a copy. */
function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // Frozen.
  }
}

/** Changes every field of an object, at every depth. */
function spoil(object: unknown): void {
  if (typeof object !== 'object' || object === null) return;
  for (const name of Object.keys(object)) {
    const value: unknown = Reflect.get(object, name);
    if (typeof value === 'object' && value !== null) spoil(value);
    else attempt(() => Reflect.set(object, name, typeof value === 'number' ? value + 100 : 'spoilt'));
  }
  attempt(() => Object.assign(object, { added: 'by the caller' }));
  if (Array.isArray(object)) attempt(() => empty(object));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
