import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Append, Backend } from '../backend.js';
import { StorageUnavailableError } from '../errors.js';
import { fileBackend } from './file-backend.js';

let root: string;
let backend: Backend | undefined;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'dgents-places-')));
});
afterEach(async () => {
  await backend?.close();
  rmSync(root, { recursive: true });
});

function first(key: string): Append {
  return { key, expected: null, records: [{ version: 1, kind: 'set', at: 1, id: 'a', data: '1' }] };
}

describe.each(['journal', 'json'] as const)('the place of a store of format %s', (format) => {
  test('that is a pipe is refused, and blocks nobody', async () => {
    const path = join(root, 'pipe');
    execFileSync('mkfifo', [path]);
    backend = fileBackend({ path, single: true, format });
    await expect(backend.read('state')).rejects.toThrow(StorageUnavailableError);
    await expect(backend.commit([first('state')])).rejects.toThrow(StorageUnavailableError);
  });

  test('is made again when somebody removed it', async () => {
    const path = join(root, 'store');
    backend = fileBackend({ path, format });
    await backend.commit([first('a')]);
    rmSync(path, { recursive: true });
    expect(await backend.commit([first('b')])).toMatchObject([{ ok: true }]);
    expect(await backend.commit([first('a')])).toMatchObject([{ ok: true }]);
  });

  test('is found from the directory that was the current one at first', async () => {
    const before = process.cwd();
    mkdirSync(join(root, 'other'));
    try {
      process.chdir(root);
      backend = fileBackend({ path: 'here', single: true, format });
      process.chdir(join(root, 'other'));
      await backend.commit([first('state')]);
    } finally {
      process.chdir(before);
    }
    expect([existsSync(join(root, 'here')), existsSync(join(root, 'other', 'here'))]).toEqual([true, false]);
  });
});
