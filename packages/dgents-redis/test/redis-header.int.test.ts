/** A bit that was changed in the header of a log is damage: never a conflict, another floor, or another end. */
import type { Head, LogRecord } from 'dgents-core';
import { Redis } from 'ioredis';
import { RedisBackend } from '../src/redis-backend.js';
import { newPrefix, removePrefix } from './places.js';
import { redisUrl } from './redis.js';

const headAt = (version: number, id = `id-${version}`): Head => ({ version, id, at: 1, deleted: false });

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;

const record = (version: number): LogRecord => ({
  version,
  kind: 'set',
  id: `id-${version}`,
  at: 1,
  data: '1',
});
const DAMAGED = { code: 'DGENTS_STATE_CORRUPTION' };

withServer(`a header${url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : ''}`, () => {
  const prefix = newPrefix();
  const log = `${prefix}/log/k`;
  const backend = new RedisBackend({ url: url ?? 'redis://none', prefix });
  let redis: Redis;
  beforeAll(() => {
    redis = new Redis(url);
  });
  afterAll(async () => {
    redis.disconnect();
    await backend.close();
    await removePrefix(url, prefix);
  });

  async function all(): Promise<number> {
    let count = 0;
    for await (const _ of backend.range('k')) count++;
    return count;
  }

  test.each([false, true])('any bit of its first 135 bytes is told of (trimmed: %s)', async (isTrimmed) => {
    await redis.del(log);
    await backend.commit([{ key: 'k', expected: null, records: [1, 2, 3, 4].map(record), ttlMs: 600_000 }]);
    await backend.checkpoint('k', { version: 4, id: 'id-4', at: 1, data: '1' });
    if (isTrimmed) await backend.trim('k', { version: 2, id: 'id-2', at: 1, data: '1' });
    const whole = (await redis.lindexBuffer(log, 0)) as Buffer;
    expect(await all()).toBe(isTrimmed ? 2 : 4);
    for (let bit = 0; bit < 135 * 8; bit += 5) {
      const other = Buffer.from(whole);
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      await redis.lset(log, 0, other);
      const again = { key: 'k', expected: headAt(3), records: [record(4)] };
      const next = { key: 'k', expected: headAt(4), records: [record(5)] };
      await Promise.all([
        expect(backend.read('k')).rejects.toMatchObject(DAMAGED),
        expect(backend.read('k', { after: headAt(4) })).rejects.toMatchObject(DAMAGED),
        expect(all()).rejects.toMatchObject(DAMAGED),
        expect(backend.commit([again])).rejects.toMatchObject(DAMAGED),
        expect(backend.commit([next])).rejects.toMatchObject(DAMAGED),
      ]);
      if (bit < 134 * 8) await expect(backend.find('k', ['id-3'])).rejects.toMatchObject(DAMAGED);
    }
    await redis.lset(log, 0, whole);
    const versions = await backend.find('k', ['id-3', 'id-4']);
    expect([...versions]).toEqual(
      expect.arrayContaining([
        ['id-3', 3],
        ['id-4', 4],
      ]),
    );
  });

  test('another version of the head is told of by a search', async () => {
    await redis.del(log);
    await backend.commit([{ key: 'k', expected: null, records: [1, 2, 3].map(record) }]);
    const header = (await redis.lindex(log, 0)) as string;
    await redis.lset(log, 0, header.replace('s 3 ', 's 2 '));
    await expect(backend.find('k', ['id-3'])).rejects.toMatchObject(DAMAGED);
  });
});
