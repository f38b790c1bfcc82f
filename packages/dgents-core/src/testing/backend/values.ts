import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend, Checkpoint, LogRecord, Meta } from '../../backend.js';
import { shown } from '../support/assertions.js';
import { appearancesOf } from '../support/readings.js';
import { appendOf, checkpointOf, commitOne, freshKey, grow, plain, record } from '../support/records.js';
import { DIFFICULT_TEXTS, difficultText, jsonText } from '../support/texts.js';
import { backendSuite } from './suite.js';

/** Times that a clock can tell. */
const time = fc.integer({ min: 0, max: 8.64e15 });
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const meta = fc
  .dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
  .filter((value) => JSON.stringify(value).length <= 1_000 && !JSON.stringify(value).includes('__proto__'));

/** As deep as meta may be: an object in an object in an object. */
const DEEPEST = 32;

// Nothing is known yet of whether places and keys are kept apart: each fact has keys that no other has. Nor of the order
// in which records come, or whether a log can be trimmed: what a version looks like is judged wherever it appears.
export const values = backendSuite('values', ['capabilities'], (fact, { claims }) => {
  for (const [name, data] of Object.entries(DIFFICULT_TEXTS)) {
    fact(`${name}: the text comes back as it was, by every way of reading`, ({ backend }) =>
      assertKeptEverywhere(backend, data),
    );
  }

  fact('a megabyte of difficult text comes back as it was, by every way of reading', async ({ backend }) => {
    await assertKeptEverywhere(backend, difficultText(Math.min(2 ** 20, (await bytesOf(backend)) / 4)));
  });

  fact('lengths around powers of two come back whole, in characters and in bytes', async ({ backend }) => {
    const most = await bytesOf(backend);
    for (const power of [8, 10, 12, 13, 14, 15, 16, 18, 20]) {
      for (const length of [2 ** power - 1, 2 ** power, 2 ** power + 1]) {
        for (const [unit, bytes] of [
          ['a', 1],
          ['é', 2],
        ] as const) {
          const count = Math.floor((length - 2) / bytes);
          if (length <= most)
            await assertKept(backend, record(1, 'set', { data: `"${unit.repeat(count)}"` }));
        }
      }
    }
  });

  fact('any JSON text comes back as it was, white space and notation included', async ({ backend, runs }) => {
    const kind = fc.constantFrom<LogRecord['kind']>('set', 'patch', 'event');
    const kept = fc.asyncProperty(jsonText, kind, async (data, kind) => {
      await assertKept(backend, record(1, kind, { data }));
    });
    await fc.assert(kept, runs(60));
  });

  fact('any id, time and kind comes back as it was', async ({ backend, runs }) => {
    const kind = fc.constantFrom<LogRecord['kind']>('set', 'patch', 'event', 'tombstone');
    const kept = fc.asyncProperty(kind, id, time, async (kind, id, at) => {
      await assertKept(backend, record(1, kind, { id, at }));
    });
    await fc.assert(kept, runs(60));
  });

  fact('ids in the words of other languages come back as they are', async ({ backend }) => {
    const ids = ['a b', 'é\u2028', `'"`, '../x', '\u{1f600}', '__proto__', '%s', '0', 'x'.repeat(200)];
    for (const id of ids) await assertKept(backend, record(1, 'set', { id }));
  });

  fact(
    'any meta, codec and schema comes back as it was, and is absent where it was',
    async ({ backend, runs }) => {
      const extras = fc.record(
        { meta, codec: fc.constantFrom('gzip', 'a+b', 'é'), schema: fc.nat(1_000) },
        { requiredKeys: [] },
      );
      const kept = fc.asyncProperty(extras, async (extra) => {
        await assertKept(backend, record(1, 'set', extra));
      });
      await fc.assert(kept, runs(60));
    },
  );

  fact('codec, schema and meta of a checkpoint and of a base come back as they were', async ({ backend }) => {
    const extra = {
      codec: 'c+d',
      schema: 0,
      meta: { by: 'é\u2028"\0', deep: { list: [1, null, { a: false }] }, toString: 1, empty: {} },
    };
    await assertStartKept(backend, { ...extra, data: '"a state"' });
    await assertStartKept(backend, { data: '"a state"', meta: {} });
  });

  fact('falsy values of the fields beside are values', async ({ backend }) => {
    await assertKept(backend, record(1, 'set', { at: 0, schema: 0, meta: {}, data: 'null' }));
    const meta = { null: null, zero: 0, empty: '', false: false, list: [], object: {} };
    await assertKept(backend, record(1, 'set', { meta }));
  });

  fact('a schema version may be any whole number, such as a date', async ({ backend }) => {
    for (const schema of [255, 32_768, 65_537, 20_261_121, 2 ** 31, 202_611_211_759]) {
      await assertKept(backend, record(1, 'set', { schema }));
      await assertStartKept(backend, { data: '1', schema });
    }
  });

  fact('meta may be as deep as it may be', async ({ backend }) => {
    let meta: Meta = { deepest: true };
    for (let depth = 2; depth <= DEEPEST; depth++) meta = depth % 2 === 0 ? { list: [meta] } : { in: meta };
    await assertKept(backend, record(1, 'set', { meta }));
    await assertStartKept(backend, { data: '1', meta });
  });

  fact('the names in meta keep their order', async ({ backend }) => {
    const key = freshKey();
    const meta = { z: 1, a: { y: 1, b: 2, B: 3 }, list: [{ d: 1, c: 2 }], m: 'é' };
    await grow(backend, key, [{ kind: 'set', meta }]);
    const { read, ranged } = await appearancesOf(backend, key, 1);
    for (const each of [...read, ...ranged]) assert.equal(JSON.stringify(each.meta), JSON.stringify(meta));
  });

  if (!claims.values) {
    fact('a text that is made when it is asked for is asked for once', async ({ backend }) => {
      const { data, ...rest } = record(1);
      let asked = 0;
      const get = () => {
        asked++;
        return data;
      };
      const lazy = Object.defineProperty({ ...rest }, 'data', { get, enumerable: true });
      const records = [lazy as typeof lazy & { data: string }];
      const document = claims.materializes ? { document: data } : {};
      await commitOne(backend, { key: freshKey(), expected: null, records, ...document });
      assert.equal(asked, 1, `it was asked for ${asked} times, and made as often`);
    });
  }

  fact('a text that is made when it is asked for is kept as it was', async ({ backend }) => {
    const { data: _, ...rest } = record(1);
    const document = { list: [1, { a: null }] };
    const text = JSON.stringify(document);
    const key = freshKey();
    const lazy = Object.defineProperty({ ...rest, document }, 'data', { get: () => text, enumerable: true });
    await commitOne(backend, appendOf(key, null, lazy as typeof lazy & { data: string }));
    const { read, ranged } = await appearancesOf(backend, key, 1);
    assert.ok(read.length + ranged.length > 0, 'the record is there');
    for (const each of [...read, ...ranged]) {
      assert.equal(each.data, text);
      if (each.document !== undefined) assert.equal(JSON.stringify(each.document), text);
    }
  });
});

/** In a log of its own. */
async function assertKept(backend: Backend, given: LogRecord): Promise<void> {
  const key = freshKey();
  await grow(backend, key, [given]);
  await assertAppears(backend, key, given);
}

/** By every way of reading that shows an ordinary record: whether a way shows all there is, is promised elsewhere. */
async function assertAppears(backend: Backend, key: string, given: LogRecord): Promise<void> {
  const found = await appearancesOf(backend, key, given.version);
  for (const each of [...found.read, ...found.ranged]) assertSame(each, given);
  const ways = ['read', 'ranged'] as const;
  if (ways.every((way) => found[way].length > 0)) return;
  const control = freshKey();
  await grow(backend, control, ['set']);
  const ordinary = await appearancesOf(backend, control, 1);
  for (const way of ways) {
    const missing = found[way].length === 0 && ordinary[way].length > 0;
    assert.ok(!missing, `${shown(given.data)} is not ${way}, as if nothing was there`);
  }
  assert.ok(found.read.length + found.ranged.length > 0, 'what was acknowledged is there');
}

/** As the data of a record, of a checkpoint and of a base. */
async function assertKeptEverywhere(backend: Backend, data: string): Promise<void> {
  await assertKept(backend, record(1, 'set', { data }));
  await assertStartKept(backend, { data });
}

/** As a checkpoint, and as a base. Both may be ignored: that a log can be trimmed is promised elsewhere. */
async function assertStartKept(
  backend: Backend,
  extra: Partial<Checkpoint> & { data: string },
): Promise<void> {
  for (const offer of ['checkpoint', 'trim'] as const) {
    const key = freshKey();
    const log = await grow(backend, key, ['set', 'patch', 'patch']);
    const given = { ...checkpointOf(log[1]!), ...extra };
    await backend[offer](key, given);
    const { base, checkpoint } = await backend.read(key);
    const start = base ?? checkpoint;
    if (start?.version === given.version) assertSame(start, given);
  }
}

function assertSame<T extends LogRecord | Checkpoint>(actual: T, given: T): void {
  const [{ data: actualData, ...actualRest }, { data, ...rest }] = [plain(actual), plain(given)];
  assert.deepEqual(actualRest, rest);
  if (actualData === data) return;
  // Megabytes do not belong into a message.
  assert.equal(actualData?.length, data?.length, 'the text has another length');
  let place = 0;
  while (actualData?.[place] === data?.[place]) place++;
  assert.fail(
    `the text differs at ${place}: ${shown(actualData?.slice(place))}, not ${shown(data?.slice(place))}`,
  );
}

/** The longest text that the backend says it keeps. */
async function bytesOf(backend: Backend): Promise<number> {
  return (await backend.ready()).limits.recordBytes;
}
