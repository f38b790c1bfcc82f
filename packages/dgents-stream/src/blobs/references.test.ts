import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryBackend, Store } from 'dgents-core';
import { FileBlobStore } from 'dgents-core/blobs';
import { all } from '../../test/places.js';
import { type BlobReference, EventLog, getBlob, putBlob } from '../index.js';

let directory: string;
let blobs: FileBlobStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dgents-blobs-'));
  blobs = new FileBlobStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('an event holds what the bytes are, and the blob store the bytes', async () => {
  const log = new EventLog<{ type: 'uploaded'; photo: BlobReference }>(new Store(memoryBackend()));
  const bytes = Buffer.alloc(200_000, 'photo');
  const photo = await putBlob(blobs, bytes, 'image/png');
  expect(photo).toEqual({
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    bytes: 200_000,
    type: 'image/png',
  });
  await log.append('a', { type: 'uploaded', photo });
  const [uploaded] = await all(log.read('a'));
  expect(Buffer.from(await getBlob(blobs, uploaded?.event.photo as BlobReference)).equals(bytes)).toBe(true);
  expect(await putBlob(blobs, Uint8Array.from(bytes))).toEqual({ sha256: photo.sha256, bytes: 200_000 });
});

test('bytes are taken at the call', async () => {
  const bytes = Buffer.from('before');
  const putting = putBlob(blobs, bytes);
  bytes.fill(0);
  expect(Buffer.from(await getBlob(blobs, await putting)).toString()).toBe('before');
});

test('what is missing, damaged or no reference is told', async () => {
  const reference = await putBlob(blobs, Buffer.from('hello'));
  await expect(getBlob(blobs, { ...reference, bytes: 4 })).rejects.toMatchObject({
    code: 'DGENTS_STATE_CORRUPTION',
  });
  await expect(getBlob(blobs, { ...reference, sha256: '0'.repeat(64) })).rejects.toMatchObject({
    code: 'DGENTS_STATE_NOT_FOUND',
  });
  for (const wrong of [{ sha256: '../x', bytes: 1 }, { sha256: 4, bytes: 1 }, { sha256: reference.sha256 }]) {
    await expect(getBlob(blobs, wrong as never)).rejects.toThrow(TypeError);
  }
  await expect(putBlob(blobs, 'hello' as never)).rejects.toThrow(TypeError);
  await expect(putBlob(blobs, Buffer.from('a'), 4 as never)).rejects.toThrow(TypeError);
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const file of files.filter((each) => each.isFile())) {
    await writeFile(join(file.parentPath, file.name), 'jello');
  }
  await expect(getBlob(blobs, reference)).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
});
