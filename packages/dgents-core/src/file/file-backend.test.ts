import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Backend, Head, LogRecord } from '../backend.js';
import { effortOf } from '../testing/effort.js';
import { describeBackend } from '../testing/index.js';
import { fileBackend } from './file-backend.js';
import { fileNameOf } from './names.js';
import { NodeFileSystem } from './node-file-system.js';
import { damageLastLine, FailingFileSystem } from './testing/failing-medium.js';

const MODULES = { power: 'file.mjs', process: 'file-process.mjs' } as const;

/** The disk and the clock under a directory: a place is a path, which other processes are told. */
interface Medium {
  readonly fileSystem: FailingFileSystem;
  /** By how many milliseconds its clock is ahead. */
  ahead: number;
}

const media = new Map<string, Medium>();

function mediumOf(path: string): Medium {
  const medium = media.get(path);
  if (medium === undefined) throw new Error(`nothing was created at ${path}`);
  return medium;
}

// They differ in one call of the system. Those without it are run whole in the long tier.
const durabilities = effortOf().name === 'long' ? (['power', 'process'] as const) : (['power'] as const);

for (const durability of durabilities) {
  describeBackend({
    describe,
    test,
    name: `file, ${durability}`,
    claims: { durability, sharing: 'host', orderedKeys: true, find: true },
    // For processes of their own, which run what is built.
    importFrom: new URL(`../../test/subjects/${MODULES[durability]}`, import.meta.url),
    create: () => {
      const path = join(mkdtempSync(join(tmpdir(), 'dgents-file-')), 'store');
      media.set(path, { fileSystem: new FailingFileSystem(), ahead: 0 });
      return path;
    },
    open: (path) => {
      const medium = mediumOf(path);
      const { fileSystem } = medium;
      return fileBackend({ path, durability, fileSystem, clock: () => Date.now() + medium.ahead });
    },
    advance: (path, ms) => {
      mediumOf(path).ahead += ms;
    },
    outage: (path) => {
      const { fileSystem } = mediumOf(path);
      fileSystem.fails = true;
      return {
        end: () => {
          fileSystem.fails = false;
        },
      };
    },
    damage: (path, key) => damageLastLine(join(path, fileNameOf(key, '.jsonl'))),
    destroy: (path) => {
      media.delete(path);
      rmSync(dirname(path), { recursive: true });
    },
  });
}

describe('one journal in one process', () => {
  let path: string;
  let backend: Backend;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'dgents-file-'));
    backend = fileBackend({ path });
  });
  afterEach(async () => {
    await backend.close();
    rmSync(path, { recursive: true });
  });

  const record = (version: number, id: string, data = '1'): LogRecord => ({
    version,
    kind: 'set',
    at: 0,
    id,
    data,
  });

  test('appends that wait for each other go out in one write, each with its own answer', async () => {
    const writes = jest.spyOn(NodeFileSystem.prototype, 'write');
    await backend.commit([{ key: 'k', expected: null, records: [record(1, 'a0')] }]);
    writes.mockClear();
    const head = (version: number): Head => ({ version, id: `a${version - 1}`, at: 0, deleted: false });
    const chain = Array.from({ length: 20 }, (_, i) =>
      backend.commit([{ key: 'k', expected: head(i + 1), records: [record(i + 2, `a${i + 1}`)] }]),
    );
    const stray = backend.commit([{ key: 'k', expected: head(3), records: [record(4, 'stray')] }]);
    expect((await Promise.all(chain)).flat().every(({ ok }) => ok)).toBe(true);
    expect(await stray).toMatchObject([{ ok: false, head: { version: 21 } }]);
    expect(writes.mock.calls.length).toBeLessThanOrEqual(3);
    writes.mockRestore();
  });

  test('an append with a record that cannot be written leaves no trace of its other records', async () => {
    const bad = { key: 'k', expected: null, records: [record(1, 'x'), record(2, 'y', '"two\nlines"')] };
    const good = { key: 'k', expected: null, records: [record(1, 'g')] };
    const [refused, done] = await Promise.allSettled([backend.commit([bad]), backend.commit([good])]);
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
    expect(done).toMatchObject({ status: 'fulfilled', value: [{ ok: true }] });
    const reopened = fileBackend({ path });
    expect(whole((await reopened.read('k')).records)).toEqual([record(1, 'g')]);
    await reopened.close();
  });

  test('a commit that failed for some keys and happened for others is in doubt, never said to have failed', async () => {
    const long = record(1, 'b', '"\ud800"');
    const both = [
      { key: 'a', expected: null, records: [record(1, 'a')] },
      { key: 'b', expected: null, records: [long] },
    ];
    await expect(backend.commit(both)).rejects.toMatchObject({
      code: 'DGENTS_OUTCOME_UNKNOWN',
      operationId: 'a',
      cause: expect.any(TypeError),
    });
  });

  test('options that make no sense are refused at once', () => {
    const wrong: [Record<string, unknown>, typeof TypeError | typeof RangeError][] = [
      [{ path: '' }, TypeError],
      [{ path: 'a\0b' }, TypeError],
      [{ path: 1 }, TypeError],
      [{ path: 'a', durability: 'none' }, TypeError],
      [{ path: 'a', format: 'yaml' }, TypeError],
      [{ path: 'a', mode: 0o1000 }, RangeError],
      [{ path: 'a', maxOpenFiles: 0 }, RangeError],
    ];
    for (const [options, kind] of wrong) expect(() => fileBackend(options as any)).toThrow(kind);
  });
});

/** Records with their text, which is otherwise made when it is asked for. */
function whole(records: readonly LogRecord[]): LogRecord[] {
  return records.map((each) => ({ ...each, data: each.data }));
}
