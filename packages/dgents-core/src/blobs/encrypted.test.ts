/** Blobs that are encrypted: what lies in the store, beside what, and with which keys it is read. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordsOf } from '../../test/altered-log.js';
import { compress, type EncryptionKey, encrypt, MemoryBackend, Store } from '../index.js';
import { addressOf } from './blob-tags.js';
import { type BlobOptions, collectGarbage, FileBlobStore } from './index.js';

interface Album {
  readonly title: string;
  readonly pictures: Uint8Array[];
}

const old: EncryptionKey = { id: '2025', key: randomBytes(32) };
const current: EncryptionKey = { id: '2026', key: randomBytes(32) };
const picture = (seed: number): Uint8Array => new Uint8Array(5000).fill(seed);

let folder: string;
let blobStore: FileBlobStore;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-sealed-'));
  blobStore = new FileBlobStore(folder);
  store = new Store(new MemoryBackend());
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The options of an agent that encrypts everything. */
function sealed(...keys: EncryptionKey[]) {
  const blobs: BlobOptions = { store: blobStore, threshold: 1000, keys };
  return { transforms: [compress(), encrypt({ keys })], blobs };
}

async function kept(): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { address } of blobStore.list()) found.set(address, readFileSync(fileOf(address)));
  return found;
}

const fileOf = (address: string): string => join(folder, address.slice(0, 2), address);

const collected = (transforms = sealed(current, old).transforms) =>
  collectGarbage({
    blobs: blobStore,
    backends: [store.backend],
    transforms: () => transforms,
    graceMs: 0,
    clock: () => Date.now() + 1_000_000,
  });

test('the bytes are in neither store, and come back', async () => {
  const options = sealed(current);
  const agent = store.agent<Album>('album', options);
  await agent.save({ title: 'one', pictures: [picture(65)] });
  await agent.update((draft) => void draft.pictures.push(picture(66), picture(65)));
  const files = [...(await kept())];
  expect(files).toHaveLength(2);
  for (const [address, bytes] of files) {
    expect(bytes).toHaveLength(5048);
    expect(addressOf(bytes)).toBe(address);
    expect(bytes.includes('AAAA') || bytes.includes('BBBB')).toBe(false);
    for (const seed of [65, 66]) expect(address).not.toBe(addressOf(picture(seed)));
  }
  for (const { codec } of await recordsOf(store.backend, 'album')) expect(codec).toContain('a256gcm:2026');
  const other = store.agent<Album>('album', sealed(current));
  expect((await other.load()).pictures).toEqual([picture(65), picture(66), picture(65)]);
  expect(await other.history()).toEqual([{ title: 'one', pictures: [picture(65)] }]);
  expect(await collected(options.transforms)).toMatchObject({ kept: 2, removed: [] });
});

test('the same bytes are one blob with one key, and another with another', async () => {
  for (const key of ['a', 'b']) {
    await store.agent<Album>(key, sealed(current)).save({ title: key, pictures: [picture(1)] });
  }
  expect(await kept()).toHaveProperty('size', 1);
  await store.agent<Album>('c', sealed(old)).save({ title: 'c', pictures: [picture(1)] });
  expect(await kept()).toHaveProperty('size', 2);
});

test('without encryption of the records, a tag says with which key', async () => {
  const blobs = { store: blobStore, threshold: 1000, keys: [current] };
  await store.agent<Album>('album', { blobs }).save({ title: '', pictures: [picture(1)] });
  const [address] = [...(await kept()).keys()];
  const [record] = await recordsOf(store.backend, 'album');
  expect(record?.data).toContain(`{"$blob":["Uint8Array","${address}",5000,"2026"]}`);
  // What was stored before there were keys is read.
  await store.agent<Album>('plain', { blobs: { store: blobStore, threshold: 1000 } }).save({
    title: '',
    pictures: [picture(2)],
  });
  expect((await store.agent<Album>('plain', { blobs }).load()).pictures).toEqual([picture(2)]);
});

test('a key that was not given is asked for, and one that is not it is told', async () => {
  await store.agent<Album>('album', { blobs: sealed(old).blobs }).save({ title: '', pictures: [picture(1)] });
  const loading = (blobs: BlobOptions) => store.agent<Album>('album', { blobs }).load();
  for (const blobs of [{ store: blobStore }, { store: blobStore, keys: [current] }]) {
    await expect(loading(blobs)).rejects.toMatchObject({
      code: 'DGENTS_STATE_CORRUPTION',
      message: expect.stringContaining('the key "2025", which was not given'),
    });
  }
  const impostor = { id: '2025', key: randomBytes(32) };
  await expect(loading({ store: blobStore, keys: [impostor] })).rejects.toMatchObject({
    code: 'DGENTS_STATE_CORRUPTION',
    message: expect.stringContaining('stands for another key'),
  });
  expect((await loading({ store: blobStore, keys: [current, old] })).pictures).toEqual([picture(1)]);
});

test('what was altered, cut short or put in the place of another is told', async () => {
  const options = sealed(current);
  await store.agent<Album>('album', options).save({ title: '', pictures: [picture(1), picture(2)] });
  const [[address, bytes], [, other]] = [...(await kept())] as [[string, Buffer], [string, Buffer]];
  const flipped = Buffer.from(bytes);
  flipped[100]! ^= 1;
  for (const damaged of [flipped, bytes.subarray(0, 47), other, Buffer.alloc(0)]) {
    writeFileSync(fileOf(address), damaged);
    await expect(store.agent<Album>('album', sealed(current)).load()).rejects.toMatchObject({
      code: 'DGENTS_STATE_CORRUPTION',
      location: address,
    });
  }
});

test('a fork with `blobs` puts them anew with the new key, so that the old one can go', async () => {
  await store.agent<Album>('album', sealed(old)).save({ title: '', pictures: [picture(1)] });
  const before = [...(await kept()).keys()];
  const rotating = sealed(current, old);
  await store.fork('album', 'moved', undefined, rotating);
  await store.agent<Album>('album', rotating).delete({ erase: true });
  expect((await store.agent<Album>('moved', sealed(current)).load()).pictures).toEqual([picture(1)]);
  expect(await collected()).toMatchObject({ kept: 1, removed: before });
  expect((await store.agent<Album>('moved', sealed(current)).load()).pictures).toEqual([picture(1)]);
});

test('a fork encrypts what lay there as it is, and one without `blobs` refers to the same', async () => {
  const plain = { blobs: { store: blobStore, threshold: 1000 } };
  await store.agent<Album>('album', plain).save({ title: '', pictures: [picture(1)] });
  const keys = [current];
  const transforms = [encrypt({ keys, acceptPlaintext: true })];
  await expect(store.fork('album', 'copy', undefined, { transforms })).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
  });
  await store.fork('album', 'copy', undefined, { ...sealed(current), transforms });
  await store.fork('copy', 'again', undefined, { transforms });
  expect(await kept()).toHaveProperty('size', 2);
  for (const key of ['copy', 'again']) {
    const agent = store.agent<Album>(key, sealed(current));
    // The first version of each is encrypted, so that no plain text is accepted.
    expect((await agent.load()).pictures).toEqual([picture(1)]);
  }
});

test('the example of the format is written and read', async () => {
  const keys = [{ id: 'k', key: Uint8Array.from({ length: 32 }, (_, index) => index) }];
  const blobs = { store: blobStore, threshold: 1, keys };
  await store.agent<Uint8Array>('k', { blobs }).save(Uint8Array.of(1, 2, 3, 4));
  const [[address, bytes]] = [...(await kept())] as [[string, Buffer]];
  expect(address).toBe('588616868470c31c293d9bd0325b7e0aba29c1f11d1b2886b6c28b96da73c911');
  expect(bytes.toString('base64')).toBe(
    '7z5zhDTJR80QPJCE8JrF0QoprjbK5zux6kUV/f/+eZngc/R2cKfu1A84YLqxs2TUrt2NeA==',
  );
  expect(await store.agent('k', { blobs }).load()).toEqual(Uint8Array.of(1, 2, 3, 4));
});

test('keys follow the rules of encrypt', () => {
  const open = (keys: unknown) => () =>
    store.agent('a', { blobs: { store: blobStore, keys } as BlobOptions });
  expect(open([])).toThrow('blobs: `keys` is a list with at least one');
  expect(open([{ id: 'k', key: randomBytes(16) }])).toThrow('blobs: the key "k" has 16 bytes');
  expect(open([{ id: 'k', key: undefined }])).toThrow(/"k" must be .*; got undefined/);
  const plain = { store: blobStore };
  const transforms = [encrypt({ keys: [current] })];
  expect(() => store.agent('a', { blobs: plain, transforms })).toThrow('`blobs: { store, keys }`');
});
