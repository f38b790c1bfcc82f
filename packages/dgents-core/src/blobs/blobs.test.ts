/** Large bytes in a store of their own: what lies in the log, what is missing, and what goes. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordsOf, storeOf } from '../../test/altered-log.js';
import {
  type Checkpoint,
  compress,
  encrypt,
  MemoryBackend,
  memoryBackend,
  PersistentAgent,
  Store,
} from '../index.js';
import { addressOf } from './blob-tags.js';
import { type BlobStore, collectGarbage, FileBlobStore } from './index.js';

interface Album {
  readonly title: string;
  readonly pictures: Uint8Array[];
}

const HOUR = 3_600_000;
let folder: string;
let blobStore: FileBlobStore;
let blobs: { readonly store: FileBlobStore; readonly threshold: number };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-blobs-'));
  blobStore = new FileBlobStore(join(folder, 'blobs'));
  blobs = { store: blobStore, threshold: 1000 };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const picture = (seed: number, bytes = 5000): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + seed * 7) % 251);

async function kept(): Promise<string[]> {
  const addresses: string[] = [];
  for await (const { address } of blobStore.list()) addresses.push(address);
  return addresses.sort();
}

const fileOf = (address: string): string => join(blobStore.path, address.slice(0, 2), address);
const age = (address: string, ms: number): void =>
  utimesSync(fileOf(address), new Date(Date.now() - ms), new Date(Date.now() - ms));

test('the log holds an address and a length, and every version has its bytes', async () => {
  const backend = new MemoryBackend();
  const agent = new Store(backend).agent<Album>('album', { blobs });
  await agent.save({ title: 'one', pictures: [picture(1), picture(9, 999)] });
  await agent.update((draft) => void draft.pictures.push(picture(2)));
  await agent.update((draft) => ({ ...draft, title: 'three', pictures: [picture(2), picture(1)] }));
  const text = (await recordsOf(backend, 'album')).map(({ data }) => data).join('\n');
  expect(text.length).toBeLessThan(3000);
  expect(text).toContain(`{"$blob":["Uint8Array","${addressOf(picture(1))}",5000]}`);
  expect(await kept()).toEqual([addressOf(picture(1)), addressOf(picture(2))].sort());
  const other = new Store(backend).agent<Album>('album', { blobs: { ...blobs } });
  expect(await other.load()).toEqual({ title: 'three', pictures: [picture(2), picture(1)] });
  expect((await other.history()).map(({ pictures }) => pictures.length)).toEqual([3, 2]);
  expect((await other.load({ at: 2 })).pictures[2]).toEqual(picture(2));
  // And it goes on from there.
  await other.update((draft) => void draft.pictures.pop());
  expect((await agent.load()).pictures).toEqual([picture(2)]);
});

test('every kind of bytes comes back as it was', async () => {
  const backend = new MemoryBackend();
  const state = {
    buffer: Buffer.from(picture(1)),
    memory: picture(2).buffer as ArrayBuffer,
    floats: Float64Array.from({ length: 500 }, (_, index) => index / 3),
    map: new Map([['deep', [picture(3)]]]),
    $blob: ['Uint8Array', 'a key of a user', 1],
    text: '{"$blob":["Uint8Array","no tag",1]}',
    texts: ['$blob', '$blob:'],
  };
  await new Store(backend).agent<typeof state>('all', { blobs }).save(state);
  expect(await kept()).toHaveLength(4);
  expect(await new Store(backend).agent('all', { blobs }).load()).toEqual(state);
  const { $blob, text, texts } = state;
  await new Store(backend).agent('none').save({ $blob, text, texts });
  expect(await new Store(backend).agent('none').load()).toEqual({ $blob, text, texts });
});

test('in a file, with checkpoints, compression and a trimmed past', async () => {
  const options = {
    path: join(folder, 'album.jsonl'),
    blobs,
    transforms: [compress({ minBytes: 10 })],
    retain: { versions: 3, graceMs: 0 },
    initial: (): Album => ({ title: '', pictures: [] }),
  };
  const agent = new PersistentAgent<Album>(options);
  for (let n = 0; n < 60; n++) {
    await agent.update((draft) => ({ title: `${n}`, pictures: [...draft.pictures.slice(-3), picture(n)] }));
  }
  await agent.close();
  expect(readFileSync(options.path).length).toBeLessThan(60_000);
  const again = new PersistentAgent<Album>(options);
  expect((await again.load()).pictures).toEqual([56, 57, 58, 59].map((n) => picture(n)));
  await again.close();
});

test('a fork refers to the same blobs', async () => {
  const store = new Store(new MemoryBackend());
  await store.agent<Album>('album', { blobs }).save({ title: '', pictures: [picture(1)] });
  await store.fork('album', 'copy');
  expect((await store.agent<Album>('copy', { blobs }).load()).pictures).toEqual([picture(1)]);
});

test('a fork that would have to encrypt them is refused, and nothing is stored', async () => {
  const store = new Store(new MemoryBackend());
  const initial = (): Album => ({ title: '', pictures: [] });
  const agent = store.agent<Album>('album', { blobs, initial });
  await agent.update((draft) => void draft.pictures.push(picture(1)));
  await agent.update((draft) => void draft.pictures.pop());
  const transforms = [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }], acceptPlaintext: true })];
  await expect(store.fork('album', 'copy', 1, { transforms })).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: expect.stringContaining('Nothing was stored'),
  });
  expect((await store.backend.read('copy')).head).toBeNull();
  await store.fork('album', 'copy', undefined, { transforms });
  expect(await store.agent<Album>('copy', { transforms }).load()).toEqual(initial());
});

test('several states in one transaction', async () => {
  const store = new Store(new MemoryBackend());
  const [a, b] = ['a', 'b'].map((key) =>
    store.agent<Album>(key, { blobs, initial: () => ({ title: '', pictures: [] }) }),
  );
  await store.transact([a!, b!], (one, two) => {
    one.pictures.push(picture(1));
    two.pictures.push(picture(2));
  });
  expect((await new Store(store.backend).agent<Album>('b', { blobs }).load()).pictures).toEqual([picture(2)]);
  expect(await kept()).toHaveLength(2);
});

describe('a blob that is not what it was', () => {
  const saved = async (): Promise<MemoryBackend> => {
    const backend = new MemoryBackend();
    await new Store(backend).agent<Album>('album', { blobs }).save({ title: '', pictures: [picture(1)] });
    return backend;
  };
  const refusal = (what: string) => ({
    code: 'DGENTS_STATE_CORRUPTION',
    location: addressOf(picture(1)),
    message: expect.stringContaining(what),
  });

  test('is told: missing, changed, cut short', async () => {
    const file = fileOf(addressOf(picture(1)));
    for (const [what, spoil] of [
      ['was altered', () => writeFileSync(file, picture(2))],
      ['was altered', () => writeFileSync(file, picture(1).subarray(1))],
      ['was altered', () => truncateSync(file, 3 * 2 ** 30)],
      ['is missing', () => rmSync(file)],
    ] as const) {
      const backend = await saved();
      spoil();
      const agent = new Store(backend).agent<Album>('album', { blobs });
      await expect(agent.load()).rejects.toMatchObject(refusal(what));
      await expect(agent.update(() => ({ title: '', pictures: [] }))).rejects.toMatchObject(refusal(what));
      expect(await recordsOf(backend, 'album')).toHaveLength(1);
      rmSync(file, { force: true });
    }
  });

  test('without `blobs` the state is refused, and left alone', async () => {
    const agent = new Store(await saved()).agent('album');
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
  });

  test('more than maxBytes of them are not fetched', async () => {
    const small = new Store(await saved()).agent('album', { blobs, codec: { maxBytes: 6000 } });
    await expect(small.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_TOO_LARGE', limitBytes: 6000 });
  });
});

describe('nothing is stored that refers to what is not there', () => {
  const failing = (put: BlobStore['put']): BlobStore => ({
    put,
    get: (address) => blobStore.get(address),
    list: () => blobStore.list(),
    remove: (address, before) => blobStore.remove(address, before),
  });

  test('when the blob store refuses', async () => {
    const backend = new MemoryBackend();
    const throwing = failing(() => {
      throw new TypeError('no');
    });
    const store = failing(() => Promise.reject(new TypeError('no')));
    for (const refusing of [throwing, store]) {
      const agent = new Store(backend).agent<Album>('album', { blobs: { store: refusing, threshold: 1000 } });
      await expect(agent.save({ title: '', pictures: [picture(1)] })).rejects.toMatchObject({
        code: 'DGENTS_STORAGE_UNAVAILABLE',
        message: 'The blob store failed: no',
      });
    }
    const agent = new Store(backend).agent<Album>('album', { blobs: { store, threshold: 1000 } });
    expect((await backend.read('album')).head).toBeNull();
    expect(await agent.save({ title: '', pictures: [picture(1, 10)] })).toBe(1);
  });

  test('when it does not answer in time, also not later', async () => {
    const backend = new MemoryBackend();
    let answer: () => void = () => undefined;
    const store = failing(() => new Promise((resolve) => (answer = () => resolve())));
    const agent = new Store(backend).agent<Album>('album', { blobs: { store, threshold: 1000 } });
    const save = agent.save({ title: '', pictures: [picture(1)] }, { timeoutMs: 50 });
    await expect(save).rejects.toMatchObject({ code: 'DGENTS_STORAGE_TIMEOUT' });
    answer();
    expect(await agent.save({ title: 'later', pictures: [] })).toBe(1);
  });

  test('when its writer gives up while the blob is on its way; the others are written without it', async () => {
    const backend = new MemoryBackend();
    let ask: () => void = () => undefined;
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (ask = resolve));
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const store = failing(() => {
      ask();
      return answered;
    });
    const initial = (): Album => ({ title: '', pictures: [] });
    const agent = new Store(backend).agent<Album>('album', { blobs: { store, threshold: 1000 }, initial });
    const aborter = new AbortController();
    const given = agent.update((draft) => void draft.pictures.push(picture(1)), { signal: aborter.signal });
    const other = agent.update((draft) => ({ ...draft, title: 'other' }));
    await asked;
    aborter.abort();
    await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    answer();
    expect(await other).toMatchObject({ version: 1, state: { title: 'other', pictures: [] } });
    expect((await backend.read('album')).head?.version).toBe(1);
  });

  test('closing does not wait for a checkpoint of which a blob is not answered', async () => {
    const backend = new MemoryBackend();
    let hangs = false;
    let ask: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (ask = resolve));
    const hanging = failing((address, bytes) => {
      if (!hangs) return blobStore.put(address, bytes);
      ask();
      return new Promise(() => undefined);
    });
    const store = new Store(backend, { checkpointFactor: 0.01 });
    const agent = store.agent<Album>('album', { blobs: { store: hanging, threshold: 1000 } });
    await agent.save({ title: '', pictures: [picture(1)] });
    hangs = true;
    const checkpoint = jest.spyOn(backend, 'checkpoint');
    for (let n = 0; n < 50; n++) await agent.update((draft) => ({ ...draft, title: `${n}` }));
    await asked;
    await store.close();
    expect(checkpoint).not.toHaveBeenCalled();
    // Less than the half minute that a checkpoint may take.
  }, 15_000);

  test('a blob is put before the record', async () => {
    const backend = new MemoryBackend();
    let before: unknown = 'not asked';
    const store = failing(async (address, bytes) => {
      before = (await backend.read('album')).head;
      await blobStore.put(address, bytes);
    });
    const agent = new Store(backend).agent<Album>('album', { blobs: { store, threshold: 1000 } });
    await agent.save({ title: '', pictures: [picture(1)] });
    expect(before).toBeNull();
  });
});

describe('collecting garbage', () => {
  test('removes what no kept version refers to, and nothing that is young', async () => {
    const place = new MemoryBackend();
    const store = new Store(memoryBackend({ sharing: place }));
    const agent = store.agent<Album>('album', { blobs });
    for (const n of [1, 2, 3]) await agent.save({ title: `${n}`, pictures: [picture(n)] });
    await store.agent<Album>('other', { blobs }).save({ title: '', pictures: [picture(4)] });
    await blobStore.put(addressOf(picture(5)), picture(5));
    await blobStore.put(addressOf(picture(6)), picture(6));
    for (const n of [1, 2, 3, 4, 5]) age(addressOf(picture(n)), 2 * HOUR);
    const backends = [place];
    expect(await collectGarbage({ blobs: blobStore, backends, dryRun: true })).toMatchObject({
      removed: [addressOf(picture(5))],
    });
    expect(await kept()).toHaveLength(6);
    // Versions of the past are kept, and so is what they refer to.
    expect(await collectGarbage({ blobs: blobStore, backends })).toEqual({
      kept: 5,
      removed: [addressOf(picture(5))],
      removedBytes: 5000,
    });
    await store.erase('album');
    const gone = await collectGarbage({ blobs: blobStore, backends });
    expect([...gone.removed].sort()).toEqual([1, 2, 3].map((n) => addressOf(picture(n))).sort());
    expect(await kept()).toEqual([addressOf(picture(4)), addressOf(picture(6))].sort());
    await store.close();
  });

  test('marks what only a base or a checkpoint refers to', async () => {
    const place = new MemoryBackend();
    const inline = new Store(place).agent<Album>('album');
    for (const n of [1, 2, 3]) await inline.save({ title: `${n}`, pictures: [picture(n)] });
    const records = await recordsOf(place, 'album');
    const whole = (n: number): Checkpoint => {
      const { version, id, at } = records[n - 1] as Checkpoint;
      const tag = `{"$blob":["Uint8Array","${addressOf(picture(n))}",5000]}`;
      return { version, id, at, data: `{"title":"${n}","pictures":[${tag}]}` };
    };
    for (const n of [2, 3]) {
      await blobStore.put(addressOf(picture(n)), picture(n));
      age(addressOf(picture(n)), 2 * HOUR);
    }
    await place.checkpoint('album', whole(3));
    await place.trim('album', whole(2));
    const options = { blobs: blobStore, backends: [place] };
    expect(await collectGarbage(options)).toMatchObject({ kept: 2, removed: [] });
    expect((await new Store(place).agent<Album>('album', { blobs }).load()).pictures).toEqual([picture(3)]);
  });

  test('sees every tag that is read, and reads only what is one', async () => {
    const address = addressOf(picture(1));
    const stored = (tag: string): Promise<MemoryBackend> =>
      storeOf({
        album: [{ version: 1, kind: 'set', at: 1, id: 'one', data: `{"title":"","pictures":[${tag}]}` }],
      });
    const both = async (tag: string) => {
      const place = await stored(tag);
      await blobStore.put(address, picture(1));
      age(address, 2 * HOUR);
      const load = new Store(place).agent<Album>('album', { blobs }).load();
      const collected = collectGarbage({ blobs: blobStore, backends: [place] });
      return Promise.allSettled([load, collected]);
    };
    for (const tag of [
      `{"$blob":["Uint8Array","${address}",5000]}`,
      `{ "$blob" : [ "Uint8Array", "${address}", 5e3 ] }`,
      `{"$blob":["Uint8\\u0041rray","\\u00${address.charCodeAt(0).toString(16)}${address.slice(1)}",5000]}`,
    ]) {
      expect(await both(tag)).toMatchObject([
        { value: { pictures: [picture(1)] } },
        { value: { kept: 1, removed: [] } },
      ]);
    }
    const refused = { status: 'rejected', reason: { code: 'DGENTS_STATE_CORRUPTION' } };
    for (const tag of [
      `{"$blob":["Uint8Array","${address}",-5]}`,
      `{"$blob":["Uint8Array","${address}",5000,"no key"]}`,
      `{"$blob":["Uint8Array","${address}",5000,"key","more"]}`,
      `{"$blob":["Uint8Array","${address}",5000],"more":1}`,
      `{"$blob":["","${address}",5000]}`,
      `{"$blob":"${address}"}`,
    ]) {
      expect(await both(tag)).toMatchObject([refused, refused]);
    }
    expect(await kept()).toEqual([address]);
  });

  test('removes nothing where a patch leads into a tag', async () => {
    const tag = `{"$blob":["Uint8Array","${addressOf(picture(1))}",5000]}`;
    const patch = [{ op: 'replace', path: '/$blob/1', value: addressOf(picture(2)) }];
    const place = await storeOf({
      album: [
        { version: 1, kind: 'set', at: 1, id: 'one', data: tag },
        { version: 2, kind: 'patch', at: 2, id: 'two', data: JSON.stringify(patch) },
      ],
    });
    await blobStore.put(addressOf(picture(2)), picture(2));
    age(addressOf(picture(2)), 2 * HOUR);
    await expect(collectGarbage({ blobs: blobStore, backends: [place] })).rejects.toMatchObject({
      code: 'DGENTS_STATE_CORRUPTION',
    });
    expect(await kept()).toHaveLength(1);
  });

  test('takes a store without any state for a wrong path, unless told', async () => {
    const place = new MemoryBackend();
    await new Store(place).agent<Album>('album', { blobs }).save({ title: '', pictures: [picture(1)] });
    const backends = [place, new MemoryBackend()];
    expect(await collectGarbage({ blobs: blobStore, backends })).toMatchObject({ kept: 1 });
    await blobStore.put(addressOf(picture(2)), picture(2));
    age(addressOf(picture(2)), 2 * HOUR);
    const options = { blobs: blobStore, backends };
    await expect(collectGarbage(options)).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
    expect(await kept()).toHaveLength(2);
    expect(await collectGarbage({ ...options, allowEmpty: true })).toMatchObject({
      removed: [addressOf(picture(2))],
    });
  });

  test('removes nothing where a log cannot be read', async () => {
    const place = new MemoryBackend();
    const keys = [{ id: 'k', key: randomBytes(32) }];
    const transforms = [encrypt({ keys })];
    await new Store(place).agent('secret', { transforms }).save(1);
    await blobStore.put(addressOf(picture(5)), picture(5));
    age(addressOf(picture(5)), 2 * HOUR);
    const options = { blobs: blobStore, backends: [place] };
    await expect(collectGarbage(options)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    expect(await kept()).toHaveLength(1);
    expect(await collectGarbage({ ...options, transforms: () => transforms })).toMatchObject({ kept: 0 });
  });
});

test('options that cannot be meant are refused', () => {
  const store = new Store(new MemoryBackend());
  expect(() => store.agent('a', { blobs: { store: {} as BlobStore } })).toThrow(TypeError);
  expect(() => store.agent('a', { blobs: { ...blobs, threshold: 0 } })).toThrow(RangeError);
  store.agent('a');
  expect(() => store.agent('a', { blobs: null as never })).toThrow(/`blobs` is \{ store \}/);
  const keys = [{ id: 'k', key: randomBytes(32) }];
  expect(() => store.agent('a', { blobs, transforms: [encrypt({ keys })] })).toThrow(
    expect.objectContaining({ code: 'DGENTS_UNSUPPORTED' }),
  );
  expect(() => new FileBlobStore('')).toThrow(TypeError);
});
