/** Rights that are missing within a script: what is refused was not written, whatever had been begun. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Head, LogRecord } from 'dgents-core';
import { RedisBackend } from '../src/redis-backend.js';
import { OwnRedis, ownRedisProblem } from './own-redis.js';

const headAt = (version: number, id = `id-${version}`): Head => ({ version, id, at: 1, deleted: false });

const problem = ownRedisProblem();
const withOwn = problem === undefined ? describe : describe.skip;

const PAGE = readFileSync(join(__dirname, '../../../docs/formats/redis.md'), 'utf8');
const RIGHTS = (PAGE.slice(PAGE.indexOf('## What a user')).match(/[+~&][\w|*/:-]+/g) as string[]).filter(
  (right) => right !== '+waitaof',
);

const record = (version: number, id = `id-${version}`): LogRecord => ({
  version,
  kind: 'set',
  id,
  at: 1,
  data: String(version),
});
const following = (version: number, ttlMs?: number) => ({
  expected: headAt(version),
  records: [record(version + 1)],
  ...(ttlMs !== undefined && { ttlMs }),
});

withOwn(`a right that is missing${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  let server: OwnRedis;
  const backends: RedisBackend[] = [];
  beforeAll(async () => {
    server = await OwnRedis.start();
  });
  afterEach(async () => {
    for (const backend of backends.splice(0)) await backend.close();
    await server.say('flushall');
  });
  afterAll(() => server?.remove());

  /** Over a new connection of a user who has all rights but these. */
  async function without(...missing: string[]): Promise<RedisBackend> {
    const rights = RIGHTS.filter((right) => !missing.includes(right));
    await server.say('acl', 'SETUSER', 'app', 'reset', 'on', '>pw', ...rights);
    const url = server.url.replace('//', '//app:pw@');
    const backend = new RedisBackend({ url, expiry: missing.includes('+pttl') ? 'absolute' : 'sliding' });
    backends.push(backend);
    return backend;
  }
  async function versions(backend: RedisBackend, key = 'k'): Promise<number[]> {
    const found: number[] = [];
    for await (const { version } of backend.range(key)) found.push(version);
    return found;
  }

  test.each([
    ['+llen', undefined, undefined],
    ['+rpush', undefined, undefined],
    ['+lset', undefined, undefined],
    ['+lset', 60_000, undefined],
    ['+lset', undefined, 60_000],
    ['+persist', 60_000, undefined],
    ['+pexpire', undefined, 60_000],
    ['+pttl', undefined, 60_000],
  ])(
    'without %s nothing is committed, and all goes on once it is given (ttl %s, then %s)',
    async (right, before, ttlMs) => {
      const allowed = await without();
      await allowed.commit([
        { key: 'k', expected: null, records: [record(1)], ...(before && { ttlMs: before }) },
      ]);
      const ttl = (await server.say('pttl', 'dgents/log/k')) as number;
      const refused = await without(right);
      for (let i = 0; i < 2; i++) {
        const made = refused.commit([{ key: 'k', ...following(1, ttlMs) }]);
        await expect(made).rejects.toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
      }
      expect((await refused.read('k')).head?.version).toBe(1);
      expect(await versions(refused)).toEqual([1]);
      expect((await server.say('pttl', 'dgents/log/k')) as number).toBeGreaterThan(ttl < 0 ? -2 : 1);
      const again = await without();
      const [result] = await again.commit([{ key: 'k', ...following(1, ttlMs) }]);
      expect(result).toMatchObject({ ok: true, replayed: false });
      await again.commit([{ key: 'k', ...following(2) }]);
      expect(await versions(again)).toEqual([1, 2, 3]);
      expect(await server.say('llen', 'dgents/log/k')).toBe(6);
      expect((await again.read('k')).head?.version).toBe(3);
    },
  );

  test('a log that cannot get its time to live is not begun', async () => {
    const refused = await without('+pexpire');
    const made = refused.commit([{ key: 'new', expected: null, records: [record(1)], ttlMs: 60_000 }]);
    await expect(made).rejects.toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    expect(await server.say('exists', 'dgents/log/new')).toBe(0);
  });

  test('of several logs none is changed, and none begun', async () => {
    const allowed = await without();
    await allowed.commit([{ key: 'b', expected: null, records: [record(1)] }]);
    const refused = await without('+lset');
    const made = refused.commit(
      [
        { key: 'a', expected: null, records: [record(1)] },
        { key: 'b', ...following(1) },
      ],
      { atomic: true },
    );
    await expect(made).rejects.toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    expect(await server.say('exists', 'dgents/log/a')).toBe(0);
    expect(await versions(refused, 'b')).toEqual([1]);
    const again = await without();
    await again.commit([{ key: 'b', expected: headAt(1), records: [record(2, 'other')] }]);
    expect(await versions(again, 'b')).toEqual([1, 2]);
  });

  test('what was refused is not taken for made by another head', async () => {
    const allowed = await without();
    await allowed.commit([{ key: 'k', expected: null, records: [record(1)] }]);
    const refused = await without('+lset');
    await expect(refused.commit([{ key: 'k', ...following(1) }])).rejects.toThrow();
    const again = await without();
    const [result] = await again.commit([{ key: 'k', expected: headAt(1, 'another'), records: [record(2)] }]);
    expect(result).toMatchObject({ ok: false, head: { version: 1, id: 'id-1' } });
  });

  test('a log is not cut by whoever may not write its header', async () => {
    const allowed = await without();
    const records = [record(1), record(2), record(3)];
    await allowed.commit([{ key: 'k', expected: null, records }]);
    const refused = await without('+lset');
    await expect(refused.trim('k', { version: 2, id: 'id-2', at: 1, data: '2' })).rejects.toThrow();
    expect(await versions(refused)).toEqual([1, 2, 3]);
  });

  test('a log that has lost a record is damaged, and not written to', async () => {
    const allowed = await without();
    await allowed.commit([{ key: 'k', expected: null, records: [record(1), record(2)] }]);
    await server.say('rpop', 'dgents/log/k');
    const made = allowed.commit([{ key: 'k', ...following(2) }]);
    await expect(made).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
    expect(await server.say('llen', 'dgents/log/k')).toBe(4);
  });
});
