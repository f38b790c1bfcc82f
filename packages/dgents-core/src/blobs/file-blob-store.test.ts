/** Blobs in files: writers, collectors and processes that ended, one beside the other. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeFileSystem } from '../file/node-file-system.js';
import { MemoryBackend } from '../index.js';
import { addressOf } from './blob-tags.js';
import { collectGarbage, FileBlobStore } from './index.js';

const HOUR = 3_600_000;
let folder: string;
let blobStore: FileBlobStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-blobs-'));
  blobStore = new FileBlobStore(join(folder, 'blobs'));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const picture = (seed: number, bytes = 5000): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + seed * 7) % 251);
const address = addressOf(picture(1));

const fileOf = (blob: string): string => join(blobStore.path, blob.slice(0, 2), blob);
const asideOf = (blob: string, takenAt: number): string => `${fileOf(blob)}.aside-${takenAt}-aaaaaaaaaaaa`;
const namesOf = (blob: string): string[] => readdirSync(join(blobStore.path, blob.slice(0, 2)));
const age = (file: string, ms: number): void =>
  utimesSync(file, new Date(Date.now() - ms), new Date(Date.now() - ms));

async function listed(): Promise<string[]> {
  const addresses: string[] = [];
  for await (const entry of blobStore.list()) addresses.push(entry.address);
  return addresses.sort();
}

test('makes what is put again young, so that it is not removed', async () => {
  await blobStore.put(address, picture(1));
  age(fileOf(address), 2 * HOUR);
  await blobStore.put(address, picture(1));
  expect(await blobStore.remove(address, Date.now() - HOUR)).toBe(false);
  expect(await blobStore.get(address)).toEqual(Buffer.from(picture(1)));
  age(fileOf(address), 2 * HOUR);
  expect(await blobStore.remove(address, Date.now() - HOUR)).toBe(true);
  expect(await blobStore.remove(address, Date.now())).toBe(false);
  expect(await blobStore.get(address)).toBeUndefined();
  expect(namesOf(address)).toEqual([]);
});

test('writes a file of another length anew, and takes many writers at once', async () => {
  await blobStore.put(address, picture(1));
  writeFileSync(fileOf(address), 'torn');
  await Promise.all(Array.from({ length: 20 }, () => blobStore.put(address, picture(1))));
  expect(await blobStore.get(address)).toEqual(Buffer.from(picture(1)));
  expect(namesOf(address)).toEqual([address]);
});

test('finds what a process that ended was looking at, and sweeps its drafts', async () => {
  await blobStore.put(address, picture(1));
  const aside = asideOf(address, Date.now());
  const draft = `${fileOf(address)}.bbbbbbbbbbbb`;
  renameSync(fileOf(address), aside);
  writeFileSync(draft, 'half');
  age(aside, 48 * HOUR);
  expect(await blobStore.get(address)).toEqual(Buffer.from(picture(1)));
  // Both may be at work, however old the blob itself is.
  await listed();
  expect(namesOf(address)).toHaveLength(2);
  renameSync(aside, asideOf(address, Date.now() - 48 * HOUR));
  age(draft, 48 * HOUR);
  await listed();
  expect(namesOf(address)).toEqual([address]);
  expect(await blobStore.get(address)).toEqual(Buffer.from(picture(1)));
});

test('puts what was left behind back without making a young blob old', async () => {
  await blobStore.put(address, picture(1));
  age(fileOf(address), 72 * HOUR);
  renameSync(fileOf(address), asideOf(address, Date.now() - 48 * HOUR));
  for (const method of ['link', 'rename'] as const) {
    const real = fs[method];
    jest.spyOn(fs, method).mockImplementation(async (from, to) => {
      if (`${from}`.includes('.aside-')) await new FileBlobStore(blobStore.path).put(address, picture(1));
      return real(from, to);
    });
  }
  await listed();
  jest.restoreAllMocks();
  expect(namesOf(address)).toEqual([address]);
  expect(await blobStore.remove(address, Date.now() - HOUR)).toBe(false);
  expect(await blobStore.get(address)).toEqual(Buffer.from(picture(1)));
});

test('several collectors at once remove each blob once, however old it is', async () => {
  const addresses = Array.from({ length: 40 }, (_, n) => addressOf(picture(n, 100)));
  for (const [n, each] of addresses.entries()) {
    await blobStore.put(each, picture(n, 100));
    age(fileOf(each), 72 * HOUR);
  }
  // Another one lists while this one has taken a blob aside.
  const { rename } = fs;
  jest.spyOn(fs, 'rename').mockImplementation(async (from, to) => {
    await rename(from, to);
    await listed();
  });
  const backends = [new MemoryBackend()];
  const collectors = Array.from({ length: 3 }, () =>
    collectGarbage({ blobs: new FileBlobStore(blobStore.path), backends, allowEmpty: true }),
  );
  const removed = (await Promise.all(collectors)).flatMap((one) => one.removed);
  expect(removed.sort()).toEqual(addresses.sort());
  expect(await listed()).toEqual([]);
});

test('one that another collector removed meanwhile was not removed by this one', async () => {
  await blobStore.put(address, picture(1));
  const { rename } = fs;
  jest.spyOn(fs, 'rename').mockImplementation(async (from, to) => {
    await rename(from, to);
    rmSync(`${to}`);
  });
  expect(await blobStore.remove(address, Date.now() + HOUR)).toBe(false);
});

test('syncs the directory of what is there before it acknowledges, and once', async () => {
  const folderOf = join(blobStore.path, address.slice(0, 2));
  const real = NodeFileSystem.prototype.syncDirectory;
  let synced: string[] = [];
  let fails = true;
  jest.spyOn(NodeFileSystem.prototype, 'syncDirectory').mockImplementation(async (path) => {
    if (path === folderOf && fails) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    synced.push(path);
    await real.call(new NodeFileSystem(), path);
  });
  await expect(blobStore.put(address, picture(1))).rejects.toMatchObject({
    code: 'DGENTS_STORAGE_UNAVAILABLE',
  });
  expect(existsSync(fileOf(address))).toBe(true);
  await expect(blobStore.put(address, picture(1))).rejects.toMatchObject({
    code: 'DGENTS_STORAGE_UNAVAILABLE',
  });
  fails = false;
  await blobStore.put(address, picture(1));
  expect(synced).toContain(folderOf);
  synced = [];
  await blobStore.put(address, picture(1));
  expect(synced).toEqual([]);
  // Another process does not know what became of it, and this one not of a file that is another one by now.
  await new FileBlobStore(blobStore.path).put(address, picture(1));
  expect(synced).toContain(folderOf);
  synced = [];
  writeFileSync(`${fileOf(address)}.other`, picture(1));
  renameSync(`${fileOf(address)}.other`, fileOf(address));
  await blobStore.put(address, picture(1));
  expect(synced).toContain(folderOf);
});

test('writes what was altered anew, when it meets it for the first time', async () => {
  await blobStore.put(address, picture(1));
  writeFileSync(fileOf(address), picture(2));
  await new FileBlobStore(blobStore.path).put(address, picture(1));
  expect(await blobStore.get(address)).toEqual(Buffer.from(picture(1)));
  expect(namesOf(address)).toEqual([address]);
});

test('is a typed error where it cannot write, and takes only addresses', async () => {
  const blocked = new FileBlobStore(join(folder, 'file'));
  writeFileSync(join(folder, 'file'), '');
  await expect(blocked.put(address, picture(1))).rejects.toMatchObject({
    code: 'DGENTS_STORAGE_UNAVAILABLE',
  });
  await expect(blobStore.get('../secret')).rejects.toThrow(TypeError);
  await expect(blobStore.put(address.toUpperCase(), picture(1))).rejects.toThrow(TypeError);
});
