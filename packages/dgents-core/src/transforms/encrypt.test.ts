/** What encryption refuses: whatever is not what was encrypted, for this place, with a key that was given. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bitFlipped, recordsOf, storeOf } from '../../test/altered-log.js';
import {
  type Checkpoint,
  type LogRecord,
  MemoryBackend,
  memoryBackend,
  Store,
  VolatileAgent,
} from '../index.js';
import { compress, type EncryptOptions, encrypt, type Transform } from './index.js';

const key = randomBytes(32);
const keys = [{ id: 'k1', key }];
const transforms = [compress({ minBytes: 100 }), encrypt({ keys })];
const corrupt = { code: 'DGENTS_STATE_CORRUPTION', key: 'log' };

/** A log of `set 1`, `patch 2`, `patch 3`, with meta and a schema version. */
async function logOf(key = 'log', text = 'secret'): Promise<readonly LogRecord[]> {
  const backend = new MemoryBackend();
  const agent = new Store(backend).agent<{ text: string; n: number }>(key, { transforms, schemaVersion: 2 });
  await agent.save({ text: text.repeat(40), n: 1 }, { meta: { by: 'test' } });
  await agent.update((draft) => ({ ...draft, n: 2 }));
  await agent.update((draft) => ({ ...draft, n: 3 }), { meta: { by: 'test' } });
  return recordsOf(backend, key);
}

function load(
  backend: MemoryBackend,
  given: readonly Transform[] = transforms,
  key = 'log',
): Promise<unknown> {
  return new Store(backend).agent(key, { transforms: given, schemaVersion: 2 }).load();
}

const changed = (records: readonly LogRecord[], at: number, change: Partial<LogRecord>): LogRecord[] =>
  records.map((record, index) => (index === at ? { ...record, ...change } : record));

describe('refused as damage is', () => {
  let records: readonly LogRecord[];
  beforeAll(async () => {
    records = await logOf();
  });

  test('nothing while nothing was done to it', async () => {
    expect(await load(await storeOf({ log: records }))).toEqual({ text: 'secret'.repeat(40), n: 3 });
  });

  test('a flipped bit anywhere in the text', async () => {
    for (const [index, { data }] of records.entries()) {
      for (let at = 0; at < data.length; at++) {
        const backend = await storeOf({ log: changed(records, index, { data: bitFlipped(data, at) }) });
        await expect(load(backend)).rejects.toMatchObject(corrupt);
      }
    }
  });

  test.each<[string, (record: LogRecord) => Partial<LogRecord>]>([
    ['the id', ({ id }) => ({ id: bitFlipped(id, 0) })],
    ['the time', ({ at }) => ({ at: at + 1 })],
    ['the schema version', () => ({ schema: 1 })],
    ['the meta', () => ({ meta: { by: 'somebody else' } })],
    ['a meta that is left out', () => ({ meta: undefined as never })],
    ['the kind', ({ kind }) => ({ kind: kind === 'set' ? 'patch' : 'set' })],
    ['a text cut short', ({ data }) => ({ data: `"${data.slice(1, 9)}"` })],
    ['an empty text', () => ({ data: '""' })],
    ['a blank behind the text', ({ data }) => ({ data: `${data} ` })],
    ['base64 of another alphabet', ({ data }) => ({ data: data.replace('"', '"-') })],
  ])('%s, in any record', async (_name, change) => {
    for (const index of [0, 2]) {
      const altered = changed(records, index, change(records[index] as LogRecord));
      for (const record of altered) if (record.meta === undefined) delete (record as { meta?: unknown }).meta;
      await expect(load(await storeOf({ log: altered }))).rejects.toMatchObject({
        code: 'DGENTS_STATE_CORRUPTION',
      });
    }
  });

  test('records that changed places', async () => {
    const [first, second, third] = records as [LogRecord, LogRecord, LogRecord];
    const { data, codec } = third;
    const swapped = [first, { ...second, data, codec: codec as string }, { ...third, data: second.data }];
    await expect(load(await storeOf({ log: swapped }))).rejects.toMatchObject(corrupt);
    // Also with everything that goes with them but the version.
    const moved = [first, { ...third, version: 2 }, { ...second, version: 3 }];
    await expect(load(await storeOf({ log: moved }))).rejects.toMatchObject(corrupt);
  });

  test('a whole state at another version, with its id and time', async () => {
    const backend = new MemoryBackend();
    const agent = new Store(backend).agent<number>('log', { transforms });
    await agent.save(1);
    await agent.save(2);
    const [first, second] = (await recordsOf(backend, 'log')) as [LogRecord, LogRecord];
    expect(second.kind).toBe('set');
    const moved = [first, second, { ...first, version: 3, at: first.at }];
    const copy = await storeOf({ log: moved.map((record) => ({ ...record, at: first.at })) });
    await expect(new Store(copy).agent('log', { transforms }).load()).rejects.toMatchObject(corrupt);
  });

  test('a record of another state', async () => {
    const other = await storeOf({ other: records });
    await expect(load(other, transforms, 'other')).rejects.toMatchObject({ ...corrupt, key: 'other' });
  });

  test('a patch behind a version that it was not made for', async () => {
    const another = await logOf('log', 'branch');
    const spliced = [records[0], another[1]] as LogRecord[];
    await expect(load(await storeOf({ log: spliced }))).rejects.toMatchObject(corrupt);
    // The whole of the other branch is another history, and nothing tells which one is right.
    expect(await load(await storeOf({ log: another }))).toMatchObject({ n: 3 });
  });

  test('plain text, whatever the codec says', async () => {
    const plain = JSON.stringify({ text: 'forged', n: 9 });
    const packed = `"${gzipSync(plain).toString('base64')}"`;
    const { version, kind, at, id } = records[0] as LogRecord;
    for (const forged of [
      { data: plain },
      { data: packed, codec: 'gzip' },
      { data: plain, codec: '' },
      { data: `"${Buffer.from(plain).toString('base64')}"`, codec: 'a256gcm:k1' },
      { data: packed, codec: 'a256gcm:k1+gzip' },
      { data: plain, codec: 'none' },
    ]) {
      const backend = await storeOf({ log: [{ version, kind, at, id, ...forged }] });
      await expect(load(backend)).rejects.toMatchObject({ key: 'log' });
      await expect(load(backend)).rejects.toThrow(
        /without encryption|does not decrypt|not in this order|base64/,
      );
    }
    const values = new MemoryBackend();
    await new Store(values).agent('log').save({ text: 'forged', n: 9 });
    await expect(load(values)).rejects.toMatchObject(corrupt);
  });

  test('a plain patch behind what is encrypted', async () => {
    const { codec: _, ...patch } = records[1] as LogRecord;
    const data = JSON.stringify([{ op: 'replace', path: '/n', value: 1_000_000 }]);
    const forged = [records[0] as LogRecord, { ...patch, data }];
    await expect(load(await storeOf({ log: forged }))).rejects.toMatchObject(corrupt);
  });

  test('a checkpoint or base that is plain, or of another version', async () => {
    const { version, id, at, schema } = records[1] as LogRecord;
    const place = { version, id, at, schema: schema as number };
    const { data, codec } = records[0] as LogRecord;
    const forgeries: Checkpoint[] = [
      { ...place, data: JSON.stringify({ text: 'forged', n: 9 }) },
      { ...place, data, codec: codec as string },
    ];
    for (const forged of forgeries) {
      const checkpointed = await storeOf({ log: records });
      await checkpointed.checkpoint('log', forged);
      expect((await checkpointed.read('log')).checkpoint).toBeDefined();
      await expect(load(checkpointed)).rejects.toMatchObject(corrupt);
      const trimmed = await storeOf({ log: records });
      await trimmed.trim('log', forged);
      await expect(load(trimmed)).rejects.toMatchObject(corrupt);
    }
  });

  test('a flipped bit in a base, and in what goes with it', async () => {
    const place = new MemoryBackend();
    const store = new Store(memoryBackend({ sharing: place }));
    const agent = store.agent<number>('log', { transforms, retain: { versions: 1, graceMs: 0 } });
    for (let n = 1; n < 40; n++) await agent.save(n);
    // Closing waits for what is done in the background.
    await store.close();
    const base = (await place.read('log', { at: (await place.read('log')).floor })).base as Checkpoint;
    for (const change of [
      {},
      { data: bitFlipped(base.data as string, 5) },
      { at: base.at - 1 },
      { schema: 3 },
      { meta: {} },
    ]) {
      const records = Array.from({ length: base.version }, (_, index) => ({
        version: index + 1,
        kind: 'tombstone' as const,
        at: 1,
        id: index + 1 === base.version ? base.id : `before ${index}`,
        data: 'null',
      }));
      const altered = await storeOf({ log: records });
      await altered.trim('log', { ...base, ...change });
      const loaded = new Store(altered).agent('log', { transforms }).load();
      if (Object.keys(change).length === 0) expect(await loaded).toBe(base.version);
      else await expect(loaded).rejects.toMatchObject(corrupt);
    }
  });

  test('another key under the same id, and a key that was not given', async () => {
    const backend = await storeOf({ log: records });
    const before = await recordsOf(backend, 'log');
    const others = [{ id: 'k1', key: randomBytes(32) }];
    await expect(load(backend, [compress(), encrypt({ keys: others })])).rejects.toMatchObject(corrupt);
    const dropped = [compress(), encrypt({ keys: [{ id: 'k2', key }] })];
    await expect(load(backend, dropped)).rejects.toMatchObject({
      ...corrupt,
      message: expect.stringContaining('the key "k1", which was not given'),
    });
    const renamed = records.map((record) => ({
      ...record,
      codec: record.codec?.replace('k1', 'k2') as string,
    }));
    await expect(load(await storeOf({ log: renamed }), dropped)).rejects.toMatchObject(corrupt);
    expect(await recordsOf(backend, 'log')).toEqual(before);
  });

  test('another context', async () => {
    const backend = new MemoryBackend();
    const under = (context: string) => [encrypt({ keys, context })];
    await new Store(backend).agent('log', { transforms: under('a') }).save('mine');
    await expect(load(backend, under('b'))).rejects.toMatchObject(corrupt);
    await expect(load(backend, [encrypt({ keys })])).rejects.toMatchObject(corrupt);
    expect(await new Store(backend).agent('log', { transforms: under('a') }).load()).toBe('mine');
  });
});

describe('rotation', () => {
  const next = { id: 'k2', key: randomBytes(32) };

  test('a new key in front writes, the old ones go on to read', async () => {
    const backend = await storeOf({ log: await logOf() });
    const rotated = [compress(), encrypt({ keys: [next, ...keys] })];
    const agent = new Store(backend).agent<{ n: number }>('log', { transforms: rotated, schemaVersion: 2 });
    expect(await agent.update((draft) => ({ ...draft, n: 4 }))).toMatchObject({ version: 4 });
    expect((await recordsOf(backend, 'log')).map(({ codec }) => codec?.split(':')[1])).toEqual([
      'k1',
      'k1',
      'k1',
      'k2',
    ]);
    expect(await load(backend, rotated)).toMatchObject({ n: 4 });
    await expect(load(backend)).rejects.toMatchObject(corrupt);
  });
});

describe('a key', () => {
  const withKeys = (given: unknown) => () => encrypt({ keys: given } as EncryptOptions);

  test('is bytes, base64 text or a KeyObject, and all of them are the same', async () => {
    const backend = await storeOf({ log: await logOf() });
    for (const form of [
      new Uint8Array(key),
      key.toString('base64'),
      key.toString('base64url'),
      `${key.toString('base64')}\n`,
      ` ${key.toString('base64url')}\r\n`,
      createSecretKey(key),
    ]) {
      const forms = [compress(), encrypt({ keys: [{ id: 'k1', key: form }] })];
      expect(await load(backend, forms)).toMatchObject({ n: 3 });
    }
  });

  test('is copied', async () => {
    const own = Buffer.from(key);
    const given = [compress(), encrypt({ keys: [{ id: 'k1', key: own }] })];
    own.fill(0);
    expect(await load(await storeOf({ log: await logOf() }), given)).toMatchObject({ n: 3 });
  });

  const id = 'a';
  test.each<[string, unknown, string]>([
    ['no list', { id, key }, 'is a list'],
    ['nothing', undefined, 'is a list'],
    ['an empty list', [], 'is a list'],
    ['an empty place', [undefined], 'keys[0].id'],
    ['no id', [{ key }], 'keys[0].id'],
    ['an empty id', [{ id: '', key }], 'keys[0].id'],
    ['a "+" in the id', [{ id: 'a+b', key }], 'keys[0].id'],
    ['a long id', [{ id: 'a'.repeat(65), key }], 'keys[0].id'],
    ['two of an id', [keys[0], keys[0]], 'two keys have the id "k1"'],
    ['a short key', [{ id, key: key.subarray(16) }], 'has 16 bytes'],
    ['a long key', [{ id, key: Buffer.concat([key, key]) }], 'has 64 bytes'],
    ['a key that was never filled', [{ id, key: new Uint8Array(32) }], 'one byte repeated'],
    ['a password', [{ id, key: 'correct horse battery staple' }], 'not base64'],
    ['white space within', [{ id, key: key.toString('base64').replace(/^.{8}/, '$& ') }], 'not base64'],
    ['hex', [{ id, key: key.toString('hex') }], 'has 48 bytes'],
    ['a number', [{ id, key: 32 }], 'must be a Uint8Array, a base64 text or a secret KeyObject; got number'],
    ['none', [{ id }], 'got undefined'],
    ['a short KeyObject', [{ id, key: createSecretKey(key.subarray(8)) }], 'has 24 bytes'],
  ])('is refused: %s', (_name, given, message) => {
    expect(withKeys(given)).toThrow(message);
  });

  test('is shown by no error, no inspect and no JSON', async () => {
    const texts: string[] = [];
    const show = (what: unknown): void => {
      texts.push(inspect(what, { depth: 20, showHidden: true, getters: true }), String(what));
      if (what instanceof Error) texts.push(JSON.stringify(what), String(what.cause));
    };
    const agent = new VolatileAgent({ transforms });
    await agent.save(1);
    show(agent);
    show(transforms);
    for (const given of [[{ id, key: key.subarray(1) }], [{ id, key: `${key.toString('base64')}!` }]]) {
      try {
        withKeys(given)();
      } catch (error) {
        show(error);
      }
    }
    const backend = await storeOf({ log: changed(await logOf(), 0, { data: '"AAAA"' }) });
    show(await load(backend).catch((error: unknown) => error));
    expect(texts).toHaveLength(16);
    for (const text of texts) {
      for (const form of ['hex', 'base64', 'latin1'] as const) {
        expect(text).not.toContain(key.toString(form).slice(4, 20));
      }
      expect(text).not.toContain([...key.subarray(4, 8)].join(', '));
    }
  });
});

describe('what is stored', () => {
  test('is the worked example of docs/formats/codec.md', async () => {
    const page = readFileSync(join(__dirname, '../../../../docs/formats/codec.md'), 'utf8');
    const data = /^ {4}data +(".+")$/m.exec(page)?.[1] as string;
    const example = { version: 1, kind: 'set', at: 0, id: 'op', data, codec: 'a256gcm:k' } as const;
    const own = [{ id: 'k', key: Uint8Array.from({ length: 32 }, (_, index) => index) }];
    const store = new Store(await storeOf({ a: [example] }));
    expect(await store.agent('a', { transforms: [encrypt({ keys: own })] }).load()).toEqual({ n: 1 });
  });

  test('differs each time the same is saved, and stays what it is however often it is asked for', async () => {
    const backend = new MemoryBackend();
    const agent = new Store(backend).agent<string>('log', { transforms: [encrypt({ keys })] });
    await agent.save('same');
    await agent.save('same');
    const [first, second] = await recordsOf(backend, 'log');
    expect(first?.data).toBe((await recordsOf(backend, 'log'))[0]?.data);
    expect(first?.data).not.toBe(second?.data);
    expect(first?.data.slice(0, 17)).not.toBe(second?.data.slice(0, 17));
  });

  test('is read in plain text only where that was asked for', async () => {
    const backend = new MemoryBackend();
    const store = new Store(backend);
    await store.agent<string[]>('log').save(['plain']);
    const strict = { transforms: [encrypt({ keys })] };
    await expect(store.agent('log', strict).load()).rejects.toMatchObject({
      ...corrupt,
      message: expect.stringContaining('acceptPlaintext: true'),
    });
    const lenient = { transforms: [encrypt({ keys, acceptPlaintext: true })] };
    await store.agent<string[]>('log', lenient).update((draft) => void draft.push('encrypted'));
    expect(await store.agent('log', lenient).load()).toEqual(['plain', 'encrypted']);
    expect((await recordsOf(backend, 'log')).map(({ codec }) => codec)).toEqual([undefined, 'a256gcm:k1']);
  });
});
