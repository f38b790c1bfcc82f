import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageUnavailableError } from '../errors.js';
import { makeDirectory, syncDirectory } from './directories.js';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'dgents-directories-')));
});
afterEach(() => rmSync(root, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('a directory is made with all above it, for its owner alone', async () => {
  const path = join(root, 'a', 'b', 'c');
  await makeDirectory(path);
  expect([modeOf(path), modeOf(join(root, 'a'))]).toEqual([0o700, 0o700]);
});

test('a directory that is there is left as it is', async () => {
  const path = join(root, 'a');
  mkdirSync(path);
  chmodSync(path, 0o755);
  await makeDirectory(path);
  expect(modeOf(path)).toBe(0o755);
});

test('many may make the same one at once', async () => {
  const path = join(root, 'a', 'b');
  await Promise.all(Array.from({ length: 10 }, () => makeDirectory(path)));
  expect(statSync(path).isDirectory()).toBe(true);
});

test.each([
  ['is', 'file', 'EEXIST', 'It is a file: give a directory'],
  ['leads through', join('file', 'below'), 'ENOTDIR', 'A part of the path is a file'],
])('a path that %s a file cannot be one, and that is said', async (_, name, code, advice) => {
  writeFileSync(join(root, 'file'), '');
  const path = join(root, name);
  const error = await makeDirectory(path).catch((error) => error);
  expect(error).toBeInstanceOf(StorageUnavailableError);
  expect(error).toMatchObject({ cause: { code }, message: expect.stringContaining(advice) });
  expect(error.message).toContain(path);
});

test('a directory can be synced, one that is not there cannot', async () => {
  await syncDirectory(root);
  const error = await syncDirectory(join(root, 'missing')).catch((error) => error);
  expect(error).toBeInstanceOf(StorageUnavailableError);
  expect(error).toMatchObject({ cause: { code: 'ENOENT' }, message: expect.stringContaining('is missing') });
});
