/** What is stored, and what becomes of it while the settings change. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { recordsOf, storeOf } from '../../test/altered-log.js';
import {
  MemoryBackend,
  memoryBackend,
  PersistentAgent,
  type PersistentAgentOptions,
  Store,
  VolatileAgent,
} from '../index.js';
import { compress, encrypt, type Transform } from './index.js';

interface Notes {
  readonly title: string;
  readonly notes: string[];
}

const LONG = 'All work and no play makes a dull log. '.repeat(100);
const MARKER = 'the marker that no stored byte may spell';

const keys = [{ id: 'k1', key: randomBytes(32) }];

const places: string[] = [];
function place(): string {
  const path = mkdtempSync(join(tmpdir(), 'dgents-transforms-'));
  places.push(path);
  return path;
}
afterAll(() => {
  for (const path of places) rmSync(path, { recursive: true, force: true });
});

async function written(transforms: readonly Transform[]): Promise<MemoryBackend> {
  const backend = new MemoryBackend();
  const store = new Store(backend);
  const agent = store.agent<Notes>('notes', { transforms });
  await agent.save({ title: LONG, notes: [] }, { meta: { by: 'test' } });
  await agent.update((draft) => void draft.notes.push('short'));
  await agent.update((draft) => void draft.notes.push(`long: ${LONG}`));
  await agent.delete();
  await agent.save({ title: 'again', notes: [LONG, LONG] });
  return backend;
}

async function everything(backend: MemoryBackend, transforms?: readonly Transform[]): Promise<unknown> {
  const agent = new Store(backend).agent<Notes>('notes', transforms === undefined ? {} : { transforms });
  const timeline: unknown[] = [];
  for await (const each of agent.timeline()) {
    timeline.push(each.deleted ? null : [each.version, each.state, each.meta]);
  }
  const first = await agent.load({ at: 1 });
  return { now: await agent.load(), first, history: await agent.history(), timeline };
}

describe('what was written with', () => {
  test.each<[string, readonly Transform[]]>([
    ['compress', [compress()]],
    ['brotli', [compress({ format: 'brotli' })]],
    ['encrypt', [encrypt({ keys })]],
    ['compress and encrypt', [compress(), encrypt({ keys })]],
  ])('%s is the same as what was written without', async (_name, transforms) => {
    const backend = await written(transforms);
    expect(await everything(backend, transforms)).toEqual(await everything(await written([])));
    // Also where another process reads it.
    const copy = await storeOf({ notes: await recordsOf(backend, 'notes') });
    expect(await everything(copy, transforms)).toEqual(await everything(await written([])));
  });
});

describe('the codec of a record', () => {
  const codecs = async (transforms: readonly Transform[]): Promise<(string | undefined)[]> =>
    (await recordsOf(await written(transforms), 'notes')).map(({ codec }) => codec);

  test('tells what was done with it, and small records are not compressed', async () => {
    expect(await codecs([])).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(await codecs([compress()])).toEqual(['gzip', undefined, 'gzip', undefined, 'gzip']);
    expect(await codecs([compress({ format: 'brotli' }), encrypt({ keys })])).toEqual([
      'br+a256gcm:k1',
      'a256gcm:k1',
      'br+a256gcm:k1',
      undefined,
      'br+a256gcm:k1',
    ]);
  });

  test('what does not shrink by a quarter is left as it is', async () => {
    const agent = new VolatileAgent<string>({ transforms: [compress()] });
    const noise = randomBytes(3000).toString('base64');
    await agent.save(noise);
    expect(await agent.load()).toBe(noise);
    const backend = new MemoryBackend();
    await new Store(backend).agent<string>('noise', { transforms: [compress()] }).save(noise);
    expect((await recordsOf(backend, 'noise'))[0]).toMatchObject({ data: JSON.stringify(noise) });
  });

  test('no document lies beside the text, in memory neither', async () => {
    const records = await recordsOf(await written([compress(), encrypt({ keys })]), 'notes');
    for (const { kind, document } of records)
      expect(kind === 'tombstone' || document === undefined).toBe(true);
  });
});

describe('while settings change', () => {
  const old = [{ id: 'old', key: randomBytes(32) }];

  test('every record of a log is read that was written with any of them', async () => {
    const backend = new MemoryBackend();
    const settings: (readonly Transform[])[] = [
      [],
      [compress()],
      [compress({ format: 'brotli' })],
      [encrypt({ keys: old, acceptPlaintext: true })],
      [compress(), encrypt({ keys: old, acceptPlaintext: true })],
      [compress(), encrypt({ keys: [...keys, ...old], acceptPlaintext: true })],
    ];
    for (const [index, transforms] of settings.entries()) {
      // The first ones know no compression: it has to be given to read what is there.
      const reading = index === 3 ? [compress({ minBytes: 1e9 }), ...transforms] : transforms;
      const agent = new Store(backend).agent<string[]>('all', { transforms: reading, initial: () => [] });
      await agent.update((draft) => void draft.push(`${index} ${LONG}`));
    }
    expect((await recordsOf(backend, 'all')).map(({ codec }) => codec)).toEqual([
      undefined,
      'gzip',
      'br',
      'a256gcm:old',
      'gzip+a256gcm:old',
      'gzip+a256gcm:k1',
    ]);
    const last = new Store(backend).agent<string[]>('all', { transforms: settings[5]! });
    expect((await last.load()).map((text) => text[0])).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(await last.history()).toHaveLength(5);
  });

  test('a log is readable without the old key once nothing is kept that was written with it', async () => {
    const place = new MemoryBackend();
    const first = new Store(place).agent<number>('n', { transforms: [encrypt({ keys: old })] });
    for (let n = 0; n < 5; n++) await first.save(n);
    const rotated = [encrypt({ keys: [...keys, ...old] })];
    const store = new Store(memoryBackend({ sharing: place }));
    const agent = store.agent<number>('n', { transforms: rotated, retain: { versions: 1, graceMs: 0 } });
    for (let n = 5; n < 60; n++) await agent.save(n);
    // Closing waits for what is done in the background.
    await store.close();
    const { floor } = await place.read('n');
    expect(floor).toBeGreaterThan(5);
    expect((await place.read('n', { at: floor })).base).toMatchObject({ codec: 'a256gcm:k1' });
    const reader = new Store(place).agent<number>('n', { transforms: [encrypt({ keys })] });
    expect(await reader.load()).toBe(59);
    expect((await reader.history()).length).toBe(60 - floor);
  });

  test('what a transform is missing for is told by its name, and nothing is changed', async () => {
    const backend = await written([compress(), encrypt({ keys })]);
    const before = await recordsOf(backend, 'notes');
    for (const transforms of [undefined, [compress()], [encrypt({ keys })]]) {
      const agent = new Store(backend).agent('notes', transforms === undefined ? {} : { transforms });
      const name = transforms?.[0]?.encrypts === true ? '"gzip"' : '"a256gcm:k1"';
      await expect(agent.load()).rejects.toMatchObject({
        code: 'DGENTS_UNSUPPORTED',
        message: expect.stringContaining(`the transform for ${name}`),
      });
      await expect(agent.update(() => 1)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    }
    expect(await recordsOf(backend, 'notes')).toEqual(before);
  });
});

describe('unpacking', () => {
  const inflated = Buffer.alloc(50 * 1024 * 1024, 0x20);

  const bomb = (data: Buffer, codec: string) =>
    storeOf({
      bomb: [{ version: 1, kind: 'set', at: 1, id: 'a', data: `"${data.toString('base64')}"`, codec }],
    });

  test.each([
    ['gzip', gzipSync(inflated)],
    ['br', brotliCompressSync(inflated, { params: {} })],
  ])('stops at maxBytes: %s', async (codec, data) => {
    const backend = await bomb(data, codec);
    const agent = new Store(backend).agent('bomb', {
      codec: { maxBytes: 1_000_000 },
      transforms: [compress()],
    });
    await expect(agent.load()).rejects.toMatchObject({
      code: 'DGENTS_STATE_TOO_LARGE',
      limitBytes: 1_000_000,
      // By unpacking itself, before the memory for all of it is taken.
      message: expect.stringContaining('unpacks to more than 1000000 bytes'),
    });
  });

  test.each([2 ** 40, Number.MAX_SAFE_INTEGER])('a maxBytes of %d is no damage', async (maxBytes) => {
    const backend = await bomb(gzipSync(Buffer.from('"small"')), 'gzip');
    const agent = new Store(backend).agent('bomb', { codec: { maxBytes }, transforms: [compress()] });
    expect(await agent.load()).toBe('small');
  });

  test('what is wrong with the call, and not with the bytes, is not called damage', () => {
    const at = { key: 'k', kind: 'set', version: 1, id: 'a', at: 1 } as const;
    const undo = () => compress().undo(gzipSync('"x"'), 'gzip', [], at, 0);
    expect(undo).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  });

  test('a name that occurs twice is no way around it', async () => {
    const backend = await bomb(gzipSync(gzipSync(Buffer.from('"twice"'))), 'gzip+gzip');
    const agent = new Store(backend).agent('bomb', { transforms: [compress()] });
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
  });

  test.each([
    ['no gzip', Buffer.from('nothing of the kind'), 'gzip'],
    ['a gzip cut short', gzipSync(Buffer.from('"x"')).subarray(0, 15), 'gzip'],
    ['a gzip whose checksum is wrong', flippedByte(gzipSync(Buffer.from('"x"')), -6), 'gzip'],
    ['no brotli', Buffer.from([255, 255, 255]), 'br'],
    ['no UTF-8', gzipSync(Buffer.from([0x22, 0xff, 0x22])), 'gzip'],
    ['no JSON', gzipSync(Buffer.from('{')), 'gzip'],
  ])('%s is damage', async (_name, data, codec) => {
    const agent = new Store(await bomb(data, codec)).agent('bomb', { transforms: [compress()] });
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION', key: 'bomb' });
  });
});

function flippedByte(bytes: Buffer, at: number): Buffer {
  const index = bytes.length + at;
  bytes[index] = (bytes[index] as number) ^ 1;
  return bytes;
}

describe('a file', () => {
  const options = (path: string): PersistentAgentOptions<Notes> => ({
    path,
    transforms: [compress(), encrypt({ keys })],
    retain: { versions: 4, graceMs: 0 },
    checkpointFactor: 0.5,
    initial: () => ({ title: '', notes: [] }),
  });

  test('holds no byte of what was encrypted: records, checkpoints, bases', async () => {
    const path = join(place(), 'notes.jsonl');
    const agent = new PersistentAgent(options(path));
    for (let n = 0; n < 60; n++) {
      await agent.update((draft) => {
        if (n === 30) draft.notes.length = 0;
        draft.notes.push(`${n} ${MARKER} ${createHash('sha256').update(`${n}`).digest('hex')}`);
      });
    }
    await agent.close();
    const bytes = readFileSync(path);
    expect(bytes.includes('a256gcm:k1')).toBe(true);
    expect(bytes.includes('gzip+a256gcm:k1')).toBe(true);
    for (const shown of [
      MARKER,
      MARKER.slice(4, 20),
      'notes"',
      Buffer.from(MARKER).toString('base64').slice(0, 40),
    ]) {
      expect(bytes.includes(shown)).toBe(false);
    }
    const again = new PersistentAgent(options(path));
    expect((await again.load()).notes).toHaveLength(30);
    await again.close();
  });

  test('that is plain JSON takes none, and says so before anything is written', () => {
    const path = join(place(), 'notes.json');
    expect(() => new PersistentAgent({ ...options(path), format: 'json' })).toThrow(
      expect.objectContaining({ code: 'DGENTS_UNSUPPORTED', message: expect.stringContaining("'journal'") }),
    );
  });
});

describe('a fork', () => {
  const transforms = [compress(), encrypt({ keys })];

  test('is encrypted for its own address', async () => {
    const backend = await written(transforms);
    const store = new Store(backend);
    await store.fork('notes', 'copy', 3, { transforms });
    const [record] = await recordsOf(backend, 'copy');
    expect(record).toMatchObject({ kind: 'set', codec: 'gzip+a256gcm:k1', meta: { forkOf: { version: 3 } } });
    expect(record?.document).toBeUndefined();
    expect(await store.agent<Notes>('copy', { transforms }).load()).toEqual(
      await store.agent<Notes>('notes', { transforms }).load({ at: 3 }),
    );
  });

  test('without the transforms is refused', async () => {
    const store = new Store(await written(transforms));
    await expect(store.fork('notes', 'copy')).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    expect(await store.has('copy')).toBe(false);
  });
});

test('the limit of a store is that of what it is sent', async () => {
  const backend = new MemoryBackend();
  const { limits } = backend.capabilities;
  Object.defineProperty(backend, 'capabilities', {
    value: { ...backend.capabilities, limits: { ...limits, recordBytes: 1_048_576 } },
  });
  const text = 'x'.repeat(1_000_000);
  const store = new Store(backend);
  expect(await store.agent<string>('small', { transforms: [compress()] }).save(text.repeat(3))).toBe(1);
  await expect(
    store.agent<string>('large', { transforms: [encrypt({ keys })] }).save(text),
  ).rejects.toMatchObject({ code: 'DGENTS_STATE_TOO_LARGE', limitBytes: 1_048_576 });
});

test('erasing needs no key', async () => {
  const backend = await written([encrypt({ keys })]);
  const store = new Store(backend);
  expect(await store.erase('notes')).toBe(1);
  expect(await recordsOf(backend, 'notes')).toEqual([]);
  await expect(store.agent('notes', { transforms: [encrypt({ keys })] }).load()).rejects.toMatchObject({
    code: 'DGENTS_STATE_NOT_FOUND',
  });
});

describe('as options', () => {
  test('a list that was changed after its first use is another one', async () => {
    const backend = new MemoryBackend();
    const store = new Store(backend);
    const list: Transform[] = [compress({ minBytes: 1 })];
    const before = store.agent<string>('before', { transforms: list });
    list.push(encrypt({ keys }));
    await store.agent<string>('after', { transforms: list }).save(MARKER);
    expect((await recordsOf(backend, 'after'))[0]?.codec).toBe('a256gcm:k1');
    // A handle keeps to what it was given.
    await before.save(MARKER);
    expect((await recordsOf(backend, 'before'))[0]?.codec).toBeUndefined();
    list.pop();
    await expect(store.agent('after', { transforms: list }).load()).rejects.toMatchObject({
      code: 'DGENTS_UNSUPPORTED',
    });
  });

  const agentWith = (transforms: unknown) => () =>
    new VolatileAgent({ transforms: transforms as readonly Transform[] });

  test.each([
    ['no list', compress(), '`transforms` is a list'],
    ['null', null, '`transforms` is a list'],
    ['a text', 'gzip', '`transforms` is a list'],
    ['a function that was not called', [compress], 'transforms[0] is no transform'],
    ['nothing in it', [undefined], 'transforms[0] is no transform'],
    ['encryption before compression', [encrypt({ keys }), compress()], 'encrypt is the last one'],
  ])('%s is refused', (_name, transforms, message) => {
    expect(agentWith(transforms)).toThrow(TypeError);
    expect(agentWith(transforms)).toThrow(message);
  });

  test.each([
    [{ format: 'zip' }, TypeError],
    [{ format: 'toString' }, TypeError],
    [{ level: 0 }, RangeError],
    [{ level: 10 }, RangeError],
    [{ format: 'brotli', level: 12 }, RangeError],
    [{ minBytes: -1 }, RangeError],
    [{ minBytes: '1' }, RangeError],
  ])('compress(%j) is refused', (options, type) => {
    expect(() => compress(options as never)).toThrow(type);
  });
});
