import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeBackendContract } from '../../test/backend-contract.js';
import type { Backend, Head, LogRecord } from '../backend.js';
import { fileBackend } from './file-backend.js';
import { NodeFileSystem } from './node-file-system.js';

for (const durability of ['power', 'process'] as const) {
  describeBackendContract(
    `file, ${durability}`,
    async () => {
      const path = mkdtempSync(join(tmpdir(), 'dgents-file-'));
      const open = async () => fileBackend({ path: join(path, 'store'), durability });
      const backend = await open();
      const opened = [backend];
      const another = async () => {
        const next = await open();
        opened.push(next);
        return next;
      };
      return {
        backend,
        reopen: async () => {
          await backend.close();
          return another();
        },
        second: another,
        destroy: async () => {
          await Promise.all(opened.map((each) => each.close()));
          rmSync(path, { recursive: true });
        },
      };
    },
    { atomicity: 'key', feed: false, orderedKeys: true, find: true, reopen: true, second: true },
  );
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
