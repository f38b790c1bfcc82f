/**
 * No room, no inodes, no descriptors, no permission: a typed error with its cause, the previous state byte for byte
 * intact, nothing left over, and the same handle works once there is room.
 */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  fileBackend,
  PersistentAgent,
  StorageFullError,
  StorageUnavailableError,
  Store,
} from '../src/index.js';
import { Worker } from './child.js';
import { mountProblem, mountReadOnly, mountSmall, remount, unmountAll } from './mounts.js';

const problem = mountProblem();
const mountTest = problem === undefined ? test : test.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

interface Notes {
  notes: string[];
}
const initial = (): Notes => ({ notes: [] });

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dgents-full-'));
});
afterEach(() => {
  unmountAll();
  rmSync(root, { recursive: true, force: true });
});

const drafts = (directory: string): string[] =>
  readdirSync(directory).filter((name) => /\.(draft|torn)-/.test(name));

/** What a promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new TypeError(`resolved with ${JSON.stringify(value)?.slice(0, 100)}`);
    },
    (error) => error,
  );
}

/** Takes all room but `bytes`. */
function fill(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(join(directory, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
}

const note = 'n'.repeat(3_000);
const addNote = (draft: Notes): void => {
  draft.notes.push(note);
};

describe.each(['power', 'process'] as const)('a full disk, durability %s', (durability) => {
  mountTest(
    `update rejects StorageFullError and changes nothing; the handle works once there is room${reason}`,
    async () => {
      const disk = mountSmall('size=64k');
      const path = join(disk, 'agent.jsonl');
      const agent = new PersistentAgent<Notes>({ path, initial, durability });
      await agent.update(addNote);
      let bytes = readFileSync(path);
      let error: unknown;
      let written = 1;
      for (; error === undefined && written < 100; ) {
        bytes = readFileSync(path);
        error = await agent.update(addNote).then(
          () => {
            written += 1;
            return undefined;
          },
          (reason) => reason,
        );
      }
      expect(error).toBeInstanceOf(StorageFullError);
      expect((error as any).cause.code).toBe('ENOSPC');
      expect(readFileSync(path).subarray(0, bytes.length).equals(bytes)).toBe(true);
      expect((await agent.read()).version).toBe(written);
      const fresh = new PersistentAgent<Notes>({ path });
      expect((await fresh.load()).notes).toHaveLength(written);
      await fresh.close();
      expect(drafts(disk)).toEqual([]);
      remount(disk, 'size=256k');
      expect((await agent.update(addNote)).version).toBe(written + 1);
      expect((await agent.load()).notes).toHaveLength(written + 1);
      const timeline: number[] = [];
      for await (const entry of agent.timeline()) if (!entry.deleted) timeline.push(entry.state.notes.length);
      expect(timeline).toEqual(Array.from({ length: written + 1 }, (_, i) => i + 1));
      await agent.close();
      expect(drafts(disk)).toEqual([]);
    },
  );

  mountTest(`a short write leaves the file as it was, byte for byte${reason}`, async () => {
    const disk = mountSmall('size=128k');
    const path = join(disk, 'agent.jsonl');
    const agent = new PersistentAgent<string>({ path, durability });
    await agent.save('first');
    const before = readFileSync(path);
    fill(disk, 8_192);
    for (let i = 0; i < 3; i++) {
      const error = await failure(agent.save('x'.repeat(40_000)));
      expect(error).toBeInstanceOf(StorageFullError);
      expect(error.cause.code).toBe('ENOSPC');
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(await agent.load()).toBe('first');
    }
    truncateSync(join(disk, 'filler'), 0);
    expect(await agent.save('x'.repeat(40_000))).toBe(2);
    await agent.close();
    const fresh = new PersistentAgent<string>({ path });
    expect((await fresh.load()).length).toBe(40_000);
    expect(await fresh.history()).toEqual(['first']);
    await fresh.close();
  });

  mountTest(`a file that cannot be created leaves nothing${reason}`, async () => {
    const disk = mountSmall('size=64k');
    fill(disk, 4_096);
    const agent = new PersistentAgent<string>({ path: join(disk, 'agent.jsonl'), durability });
    const error = await failure(agent.save('x'.repeat(20_000)));
    expect(error).toBeInstanceOf(StorageFullError);
    expect(error.cause.code).toBe('ENOSPC');
    expect(readdirSync(disk)).toEqual(['filler']);
    truncateSync(join(disk, 'filler'), 0);
    expect(await agent.save('x'.repeat(20_000))).toBe(1);
    await agent.close();
    expect(readdirSync(disk).sort()).toEqual(['agent.jsonl', 'filler']);
  });
});

mountTest(`a full disk leaves a plain JSON file and its version as they were${reason}`, async () => {
  const disk = mountSmall('size=128k');
  const path = join(disk, 'agent.json');
  const agent = new PersistentAgent<string>({ path, format: 'json' });
  await agent.save('first');
  const before = readFileSync(path);
  fill(disk, 12_288);
  const error = await failure(agent.save('x'.repeat(40_000)));
  expect(error).toBeInstanceOf(StorageFullError);
  expect(error.cause.code).toBe('ENOSPC');
  expect(readFileSync(path).equals(before)).toBe(true);
  expect((await agent.read()).version).toBe(1);
  expect(drafts(disk)).toEqual([]);
  truncateSync(join(disk, 'filler'), 0);
  expect(await agent.save('x'.repeat(40_000))).toBe(2);
  await agent.close();
});

mountTest(`a compaction without room leaves the journal as it was, and saves go on${reason}`, async () => {
  const disk = mountSmall('size=128k');
  const path = join(disk, 'agent.jsonl');
  const warnings: unknown[] = [];
  const agent = new PersistentAgent<{ n: number; ballast: string }>({
    path,
    retain: { versions: 2, graceMs: 0 },
    onWarning: (warning) => warnings.push(warning),
  });
  await agent.save({ n: 0, ballast: 'b'.repeat(30_000) });
  fill(disk, 8_192); // Room for records, none for the whole state again.
  for (let n = 1; n <= 40; n++) await agent.update((draft) => ({ ...draft, n }));
  expect(await agent.load()).toEqual({ n: 40, ballast: 'b'.repeat(30_000) });
  truncateSync(join(disk, 'filler'), 0);
  for (let n = 41; n <= 120; n++) await agent.update((draft) => ({ ...draft, n }));
  await agent.close();
  expect(warnings.length).toBeGreaterThan(0);
  expect(warnings.every((warning) => warning instanceof StorageFullError)).toBe(true);
  const fresh = new PersistentAgent<{ n: number }>({ path });
  const { state, version } = await fresh.read();
  expect([state.n, version]).toEqual([120, 121]);
  await fresh.close();
  expect(drafts(disk)).toEqual([]);
});

mountTest(`without inodes a new agent is StorageFullError, those that exist go on${reason}`, async () => {
  const disk = mountSmall('nr_inodes=8');
  const store = new Store(fileBackend({ path: disk }));
  await store.agent<number>('first').save(1);
  const made: string[] = [];
  for (let i = 0; ; i++) {
    try {
      writeFileSync(join(disk, `other-${i}`), '');
      made.push(join(disk, `other-${i}`));
    } catch {
      break;
    }
  }
  const agent = store.agent<number>('second');
  const error = await failure(agent.save(2));
  expect(error).toBeInstanceOf(StorageFullError);
  expect(error.cause.code).toBe('ENOSPC');
  expect(await store.agent<number>('first').save(3)).toBe(2);
  for (const path of made) rmSync(path);
  expect(await agent.save(2)).toBe(1);
  await store.close();
  expect(readdirSync(disk).sort()).toEqual(['first.jsonl', 'second.jsonl']);
});

mountTest(
  `a read-only file system can be read, and refuses writes with StorageUnavailableError${reason}`,
  async () => {
    const writable = new PersistentAgent<string>({ path: join(root, 'agent.jsonl') });
    await writable.save('one');
    const before = readFileSync(join(root, 'agent.jsonl'));
    const view = mountReadOnly(root);
    const agent = new PersistentAgent<string>({ path: join(view, 'agent.jsonl') });
    expect(await agent.load()).toBe('one');
    const error = await failure(agent.save('two'));
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error.cause.code).toBe('EROFS');
    expect(readFileSync(join(root, 'agent.jsonl')).equals(before)).toBe(true);
    const fresh = await failure(new PersistentAgent<string>({ path: join(view, 'other.jsonl') }).save('two'));
    expect([fresh.code, fresh.cause.code]).toEqual(['DGENTS_STORAGE_UNAVAILABLE', 'EROFS']);
    await writable.save('three');
    expect(await agent.load()).toBe('three');
    await agent.close();
    await writable.close();
  },
);

const isUnix = process.platform !== 'win32';
const shellReason = isUnix ? '' : ' (skipped: no ulimit)';
const shellTest = isUnix ? test : test.skip;

shellTest(
  `a limit on the size of files is StorageFullError, and smaller states go on${shellReason}`,
  async () => {
    const path = join(root, 'agent.jsonl');
    // Blocks of 512 or 1,024 bytes, as the shell has it: 64 KB or 32 KB.
    const worker = new Worker('limited.mjs', { path }, ['sh', '-c', 'ulimit -f 64; exec "$@"', 'sh']);
    await worker.ended;
    const { refused, saved } = worker.last('refused') as { refused: any; saved: number };
    expect(refused).toMatchObject({ code: 'DGENTS_STORAGE_FULL', cause: 'EFBIG' });
    expect(worker.last('again')?.again).toBeGreaterThan(1);
    const agent = new PersistentAgent<{ size: number }>({ path });
    expect((await agent.load()).size).toBe(0);
    expect((await agent.history(1))[0]?.size).toBe(saved);
    await agent.close();
    expect(drafts(root)).toEqual([]);
  },
);

shellTest(
  `a process out of descriptors gets StorageUnavailableError, and goes on when it has some${shellReason}`,
  async () => {
    const path = join(root, 'agent.jsonl');
    // Node itself opens the modules of a package all at once.
    const limits = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'];
    const worker = new Worker('limited.mjs', { path, descriptors: true }, limits);
    await worker.ended;
    expect(worker.last('refused')?.refused).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      cause: 'EMFILE',
    });
    expect(worker.last('again')?.again).toBe(1);
    expect(readdirSync(root)).toEqual(['agent.jsonl']);
  },
);
