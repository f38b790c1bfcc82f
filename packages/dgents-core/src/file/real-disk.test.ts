import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import type { Backend, Head, LogRecord } from '../backend.js';
import { StorageFullError, StorageTimeoutError, StorageUnavailableError } from '../errors.js';
import { fileBackend } from './file-backend.js';
import { NodeFileSystem } from './node-file-system.js';
import type { FileBackendOptions } from './options.js';

jest.setTimeout(60_000);

let root: string;
const opened: Backend[] = [];

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'dgents-disk-')));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
  rmSync(root, { recursive: true });
});

function open(options: Partial<FileBackendOptions> = {}): Backend {
  const backend = fileBackend({ path: join(root, 'store'), ...options });
  opened.push(backend);
  return backend;
}

let ids = 0;
const record = (version: number, data = '1'): LogRecord => ({
  version,
  kind: 'set',
  at: 0,
  id: `op${++ids}`,
  data,
});

async function append(backend: Backend, key: string, data?: string): Promise<Head> {
  const { head } = await backend.read(key);
  const [result] = await backend.commit([
    { key, expected: head, records: [record((head?.version ?? 0) + 1, data)] },
  ]);
  expect(result?.ok).toBe(true);
  return result!.head!;
}

const openDescriptors = (): string[] =>
  existsSync('/proc/self/fd')
    ? readdirSync('/proc/self/fd')
        .map((fd) => {
          try {
            return readlinkSync(join('/proc/self/fd', fd));
          } catch {
            return '';
          }
        })
        .filter((path) => path.startsWith(root))
    : [];

describe('files on a real disk', () => {
  test('are for the owner only, in directories for the owner only', async () => {
    await append(open({ path: join(root, 'a', 'b') }), 'k');
    expect(statSync(join(root, 'a', 'b', 'k.jsonl')).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'a', 'b')).mode & 0o777).toBe(0o700);
    await append(open({ path: join(root, 'c.jsonl'), single: true, mode: 0o640 }), 'state');
    expect(statSync(join(root, 'c.jsonl')).mode & 0o777).toBe(0o640);
  });

  test('leave nothing behind but themselves', async () => {
    const backend = open();
    const head = await append(backend, 'k');
    await append(backend, 'k');
    await backend.trim('k', { version: 2, id: `op${ids}`, at: 0, data: '1' });
    expect(head.version).toBe(1);
    expect(readdirSync(join(root, 'store'))).toEqual(['k.jsonl']);
  });

  test('are held open by a bounded number of descriptors, and by none after close', async () => {
    const backend = open({ maxOpenFiles: 5, durability: 'process' });
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key) => append(backend, key)));
    for (const key of keys) await append(backend, key);
    await Promise.all(keys.map((key) => backend.read(key)));
    expect(openDescriptors().length).toBeLessThanOrEqual(5);
    if (process.platform === 'linux') expect(openDescriptors().length).toBeGreaterThan(0);
    for (const key of keys) expect((await backend.read(key)).head?.version).toBe(2);
    await backend.close();
    expect(openDescriptors()).toEqual([]);
  });

  test('are reached through symbolic links, which stay', async () => {
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real', 'target.jsonl'), join(root, 'link.jsonl'));
    const path = join(root, 'link.jsonl');
    const backend = open({ path, single: true });
    await append(backend, 'state');
    const head = await append(backend, 'state');
    await backend.trim('state', { ...head, data: '1' });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(statSync(join(root, 'real', 'target.jsonl')).isFile()).toBe(true);
    expect((await open({ path, single: true }).read('state')).head).toEqual(head);
  });

  test('drafts of dead processes are swept, others are not', async () => {
    mkdirSync(join(root, 'store'));
    const draft = (name: string) => join(root, 'store', name);
    const files = new NodeFileSystem();
    await files.prepare();
    for (const name of [
      'k.jsonl.draft-000000000001',
      'k.jsonl.draft-000000000002',
      'k.jsonl.draft-zz',
      'note.txt',
    ]) {
      writeFileSync(draft(name), 'x');
      utimesSync(draft(name), 0, 0);
    }
    const held = files.open(draft('k.jsonl.draft-000000000002'), { write: true });
    expect(files.tryLock(held)).toBe(true);
    await append(open({ clock: () => Date.now() + 120_000 }), 'k');
    expect(readdirSync(join(root, 'store')).sort()).toEqual(
      ['k.jsonl', 'k.jsonl.draft-000000000002', 'k.jsonl.draft-zz', 'note.txt'].sort(),
    );
    files.close(held);
  });

  test('a path that is a directory is refused with a typed error, and so is a directory that is a file', async () => {
    await expect(open({ path: root, single: true }).read('state')).rejects.toThrow(StorageUnavailableError);
    await expect(append(open({ path: root, single: true }), 'state')).rejects.toThrow(
      StorageUnavailableError,
    );
    writeFileSync(join(root, 'file'), 'x');
    const inside = open({ path: join(root, 'file', 'store') });
    await expect(append(inside, 'k')).rejects.toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    expect(readFileSync(join(root, 'file'), 'utf8')).toBe('x');
  });

  const asRoot = process.getuid?.() === 0;
  (asRoot ? test.skip : test)(
    `a directory that may not be written is a typed error${asRoot ? ' (skipped: root may write everywhere)' : ''}`,
    async () => {
      mkdirSync(join(root, 'store'));
      chmodSync(join(root, 'store'), 0o500);
      await expect(append(open(), 'k')).rejects.toMatchObject({ cause: { code: 'EACCES' } });
    },
  );

  const tmpfs = canMount();
  (tmpfs ? test : test.skip)(
    `a full disk is StorageFullError, the state before it is intact, and writing goes on once there is room${tmpfs ? '' : ' (skipped: mount is not possible here)'}`,
    async () => {
      const disk = join(root, 'small');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      try {
        const backend = open({ path: disk });
        const head = await append(backend, 'k');
        const before = readFileSync(join(disk, 'k.jsonl'));
        const large = `"${'x'.repeat(100_000)}"`;
        const failure = await append(backend, 'k', large).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(StorageFullError);
        expect(failure).toMatchObject({ cause: { code: 'ENOSPC' } });
        await expect(append(backend, 'other', large)).rejects.toThrow(StorageFullError);
        await expect(backend.trim('k', { ...head, version: 1, data: large })).resolves.toBeUndefined();
        expect(readFileSync(join(disk, 'k.jsonl'))).toEqual(before);
        expect(readdirSync(disk)).toEqual(['k.jsonl']);
        expect((await append(backend, 'k')).version).toBe(2);
      } finally {
        await Promise.all(opened.splice(0).map((each) => each.close()));
        execFileSync('umount', [disk]);
      }
    },
  );

  test('a lock that somebody holds is waited for until the deadline, or the signal, and nothing is written', async () => {
    const backend = open();
    const head = await append(backend, 'k');
    const files = new NodeFileSystem();
    await files.prepare();
    const held = files.open(join(root, 'store', 'k.jsonl'), { write: true });
    expect(files.tryLock(held)).toBe(true);
    const next = { key: 'k', expected: head, records: [record(2)] };
    await expect(backend.commit([next], { timeoutMs: 40 })).rejects.toThrow(StorageTimeoutError);
    const controller = new AbortController();
    const aborted = backend.commit([next], { signal: controller.signal });
    controller.abort(new RangeError('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect((await backend.read('k', { timeoutMs: 1000 })).head).toEqual(head); // Readers do not wait.
    const patient = backend.commit([next], { timeoutMs: 5000 });
    files.close(held);
    expect(await patient).toMatchObject([{ ok: true, head: { version: 2 } }]);
  });
});

function canMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'dgents-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Appends to a counter as often as it is told, and says so after each acknowledgement. */
const WRITER = `
import { fileBackend } from '${join(__dirname, 'file-backend.ts').replaceAll('\\', '/')}';
const [path, times, name] = process.argv.slice(2);
const backend = fileBackend({ path, onRepair: () => {} });
async function main() {
  let done = 0;
  for (let tries = 0; done < Number(times); tries++) {
    const { head } = await backend.read('k');
    const version = (head?.version ?? 0) + 1;
    const id = name + '-' + process.pid + '-' + tries;
    const records = [{ version, kind: 'set', at: 0, id, data: JSON.stringify(id) }];
    const [result] = await backend.commit([{ key: 'k', expected: head, records }], { timeoutMs: 30000 });
    if (!result.ok) continue;
    done++;
    process.send?.({ version, id });
    if (done % 7 === 0) await backend.checkpoint('k', { version, id, at: 0, data: '"checkpoint"' });
    if (done % 25 === 0) await backend.trim('k', { version, id, at: 0, data: '"base"' });
  }
  await backend.close();
  process.disconnect?.();
}
main();
`;

describe('several processes', () => {
  let program: string;
  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), 'dgents-writer-'));
    program = join(directory, 'writer.cjs');
    buildSync({
      stdin: { contents: WRITER, resolveDir: __dirname, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      supported: { 'dynamic-import': false },
      external: ['fs-native-extensions'],
      outfile: program,
      logLevel: 'error',
    });
  });
  afterAll(() => rmSync(dirname(program), { recursive: true }));

  const modules = dirname(dirname(require.resolve('fs-native-extensions/package.json')));
  function start(
    times: number,
    name: string,
  ): { child: ChildProcess; acknowledged: { version: number; id: string }[] } {
    const child = fork(program, [join(root, 'store'), String(times), name], {
      env: { ...process.env, NODE_PATH: modules },
      execArgv: [],
    });
    const acknowledged: { version: number; id: string }[] = [];
    child.on('message', (message) => acknowledged.push(message as { version: number; id: string }));
    return { child, acknowledged };
  }

  test('append, checkpoint and trim one log at the same time, and every acknowledged append is one version', async () => {
    const writers = ['a', 'b', 'c', 'd'].map((name) => start(60, name));
    const codes = await Promise.all(
      writers.map(async ({ child }) => (await once(child, 'exit'))[0] as number),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    const all = writers.flatMap(({ acknowledged }) => acknowledged).sort((a, b) => a.version - b.version);
    expect(all.map(({ version }) => version)).toEqual(Array.from({ length: 240 }, (_, i) => i + 1));
    const backend = open();
    const { head } = await backend.read('k');
    expect(head).toMatchObject(all.at(-1)!);
    for await (const { version, id } of backend.range('k')) expect(all[version - 1]).toEqual({ version, id });
  });

  test('killed at any moment leave the last acknowledged version or the one in flight, and history agrees', async () => {
    let last = 0;
    for (let round = 0; round < 6; round++) {
      const { child, acknowledged } = start(1_000_000, `r${round}`);
      await once(child, 'message');
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 120));
      child.kill('SIGKILL');
      await once(child, 'close');
      const backend = open({ onRepair: () => {} });
      const { head } = await backend.read('k');
      const newest = acknowledged.at(-1)!;
      expect([newest.version, newest.version + 1]).toContain(head?.version);
      if (head?.version === newest.version) expect(head.id).toBe(newest.id);
      const seen = new Map(acknowledged.map(({ version, id }) => [version, id]));
      for await (const { version, id } of backend.range('k'))
        if (seen.has(version)) expect(id).toBe(seen.get(version));
      expect(head!.version).toBeGreaterThan(last);
      last = (await append(backend, 'k')).version;
      expect(
        readdirSync(join(root, 'store')).filter((name) => name.includes('draft')).length,
      ).toBeLessThanOrEqual(round + 1);
    }
  });
});
