import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HookedBackend } from '../test/hooked-backend.js';
import { failureOf } from '../test/places.js';
import { StorageUnavailableError, UnsupportedError } from './errors.js';
import { memoryBackend } from './memory/memory-backend.js';
import { openStore } from './open-store.js';

const before = process.env['DGENTS_STORE'];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-open-'));
  delete process.env['DGENTS_STORE'];
});
afterEach(() => {
  if (before === undefined) delete process.env['DGENTS_STORE'];
  else process.env['DGENTS_STORE'] = before;
  rmSync(folder, { recursive: true, force: true });
});

test('memory: opens a store of its own each time', async () => {
  const [one, other] = [await openStore('memory:'), await openStore('memory:')];
  await one.agent('k').save(1);
  expect(one.capabilities.backend).toBe('memory');
  expect(await other.has('k')).toBe(false);
});

test('file: opens a directory, which a second store shares', async () => {
  for (const url of [`file:${folder}/a`, `file://${folder}/b`, `FILE:${folder}/c?durability=process`]) {
    const store = await openStore(url);
    await store.agent('k').save(url);
    await store.close();
    const again = await openStore(url);
    expect(await again.agent('k').load()).toBe(url);
    await again.close();
  }
  expect(['a', 'b', 'c'].every((name) => existsSync(join(folder, name)))).toBe(true);
});

test('options of a file: URL that it does not take are refused', async () => {
  for (const query of ['?durabilty=process', '?durability=none']) {
    expect(await failureOf(openStore(`file:${folder}${query}`))).toBeInstanceOf(UnsupportedError);
  }
  expect(await failureOf(openStore('file:'))).toBeInstanceOf(UnsupportedError);
});

test('DGENTS_STORE is the store where none is given', async () => {
  await expect(openStore()).rejects.toThrow(TypeError);
  process.env['DGENTS_STORE'] = '';
  await expect(openStore()).rejects.toThrow('DGENTS_STORE');
  process.env['DGENTS_STORE'] = `file:${folder}`;
  const store = await openStore();
  expect(store.capabilities.backend).toBe('file');
  await store.close();
  expect((await openStore('memory:')).capabilities.backend).toBe('memory');
});

test('an unknown scheme is an error that names the known ones', async () => {
  for (const url of ['mongodb://localhost', 'constructor:x', '__proto__:x', 'C:\\state']) {
    expect(await failureOf(openStore(url))).toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
  }
  const { message } = await failureOf(openStore('mongodb://localhost'));
  expect(message).toMatch(/"mongodb:".*file:.*memory:|"mongodb:".*memory:.*file:/);
  expect(message).toMatch(/\{ backends \}/);
});

/** A folder in which dgents-core is installed, as it was built, and nothing else of ours. */
function installedAlone(): string {
  const root = join(__dirname, '../../..');
  const alone = join(folder, 'alone');
  const installed = join(alone, 'node_modules/dgents-core');
  cpSync(join(root, 'packages/dgents-core/dist'), join(installed, 'dist'), { recursive: true });
  cpSync(join(root, 'packages/dgents-core/package.json'), join(installed, 'package.json'));
  for (const name of ['mutative', 'fs-native-extensions']) {
    symlinkSync(join(root, 'node_modules', name), join(alone, 'node_modules', name), 'junction');
  }
  return alone;
}

test('a missing package is an error that says what to install, never another store', () => {
  const program = `
    import { openStore } from 'dgents-core';
    const error = await openStore('redis://:secret@localhost').catch((reason) => reason);
    const { code, retryable, message, cause } = error;
    console.log(JSON.stringify({ code, retryable, message, hasCause: cause !== undefined }));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: installedAlone(), encoding: 'utf8' });
  expect(stderr).toBe('');
  const error = JSON.parse(stdout) as { message: string };
  expect(error).toMatchObject({ code: 'DGENTS_UNSUPPORTED', retryable: false, hasCause: true });
  expect(error.message).toContain('npm install dgents-redis');
  expect(error.message).not.toContain('secret');
});

test('a file: URL that is easily mistaken is refused with a hint, before a directory is made', async () => {
  for (const [url, hint] of [
    ['file://state', 'file:state'],
    ['file://./state', 'file:./state'],
    ['file:~/state', 'os.homedir()'],
  ] as const) {
    const error = await failureOf(openStore(url));
    expect(error).toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    expect(error.message).toContain(hint);
  }
});

test('a directory that cannot be made or is a file is a typed error with the cause', async () => {
  const directory = folder;
  const file = join(directory, 'file');
  writeFileSync(file, '');
  expect(await failureOf(openStore(`file:${file}`))).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
  const below = await failureOf(openStore(`file:${file}/below`));
  expect(below).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE', cause: { code: 'ENOTDIR' } });
});

test('a damaged log hides no other key, and is named in the end', async () => {
  const directory = folder;
  const store = await openStore(`file:${directory}`);
  for (const name of ['a', 'b', 'c']) await store.agent(name).save(name);
  await store.close();
  writeFileSync(join(directory, 'b.jsonl'), 'not a journal');
  const again = await openStore(`file:${directory}`);
  const seen: string[] = [];
  const error = await failureOf(
    (async () => {
      for await (const { key } of again.keys()) seen.push(key);
    })(),
  );
  expect(seen).toEqual(['a', 'c']);
  expect(error).toMatchObject({ code: 'DGENTS_STATE_CORRUPTION', key: 'b' });
  for (const key of ['a', 'c']) expect(await again.erase(key)).toBe(1);
  expect(await again.has('a')).toBe(false);
  await again.close();
});

test('no message holds a password', async () => {
  const urls = [
    'postgres://user:secret@host/db',
    'mongodb://user:secret@host/db',
    'my_user:secret@host:5432/db',
    ' postgres://user:secret@host/db',
    'user:secret@host',
    '//user:secret@host',
    ':secret@host',
  ];
  for (const url of urls) {
    const error = await failureOf(openStore(url));
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('secret');
  }
});

test('backends of third parties are handed in, come first, and are told their URL', async () => {
  const urls: string[] = [];
  const backends = {
    lmdb: (url: string) => {
      urls.push(url);
      return memoryBackend();
    },
    file: async (url: string) => {
      urls.push(url);
      return memoryBackend();
    },
  };
  await openStore('lmdb:/x?y', { backends });
  await openStore('LMDB:/z', { backends });
  expect((await openStore('file:./nowhere', { backends })).capabilities.backend).toBe('memory');
  expect(urls).toEqual(['lmdb:/x?y', 'LMDB:/z', 'file:./nowhere']);
  expect(existsSync('./nowhere')).toBe(false);
});

test('a store that does not answer or is refused is closed again', async () => {
  const backend = new HookedBackend(memoryBackend());
  backend.before = ({ method }) => {
    if (method === 'ready') throw new StorageUnavailableError('refused');
  };
  const opening = () => openStore('x:', { backends: { x: () => backend } });
  expect((await failureOf(opening())).message).toBe('refused');
  expect(backend.calls.close).toBe(1);
  const weak = new HookedBackend(memoryBackend());
  const refused = openStore('x:', { requireDurability: 'power', backends: { x: () => weak } });
  expect(await failureOf(refused)).toBeInstanceOf(UnsupportedError);
  expect(weak.calls.close).toBe(1);
});

test('a factory that fails is what the opening rejects with', async () => {
  const backends = {
    x: () => {
      throw new RangeError('no port 99999');
    },
  };
  await expect(openStore('x:', { backends })).rejects.toThrow('no port 99999');
});
