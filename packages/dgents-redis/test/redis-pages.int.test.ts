/** Pages end with bytes, not only with records: a log of large states is read a few at a time. */
import type { Head, LogRecord } from 'dgents-core';
import { PAGE_BYTES } from '../src/read.lua.js';
import { rangeOf, stretchOf, tailOf } from '../src/reading.js';
import { RedisBackend } from '../src/redis-backend.js';
import { newPrefix, removePrefix, withRedis } from './places.js';
import { redisUrl } from './redis.js';

const headAt = (version: number, id = `id-${version}`): Head => ({ version, id, at: 1, deleted: false });

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;

const LARGE = JSON.stringify('x'.repeat(2 ** 20));

/** Large ones among small ones: every fifth. */
const record = (version: number, isLarge: boolean): LogRecord => ({
  version,
  kind: 'set',
  id: `id-${version}`,
  at: 1,
  data: isLarge ? LARGE : '1',
});

withServer(`pages of a log${url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : ''}`, () => {
  const prefix = newPrefix();
  const where = { key: 'k', location: 'here' };
  const backend = new RedisBackend({ url: url ?? 'redis://none', prefix, feed: true });
  const COUNT = 200;
  const log = `${prefix}/log/k`;

  beforeAll(async () => {
    for (let from = 1; from <= COUNT; from += 20) {
      const records = Array.from({ length: 20 }, (_, i) => record(from + i, (from + i) % 5 === 0));
      const expected = from === 1 ? null : headAt(from - 1);
      await backend.commit([{ key: 'k', expected, records }]);
    }
  });
  afterAll(async () => {
    await backend.close();
    await removePrefix(url, prefix);
  });

  /** How many bytes the answers of a reader have at most. */
  async function largest<T>(
    work: (client: Parameters<typeof tailOf>[0]) => Promise<T>,
  ): Promise<[T, number]> {
    let most = 0;
    const measured = (value: unknown): number => {
      if (Buffer.isBuffer(value)) return value.length;
      return Array.isArray(value) ? value.reduce<number>((sum, each) => sum + measured(each), 0) : 0;
    };
    const result = await withRedis(url, (redis) => {
      const callBuffer = redis.callBuffer.bind(redis) as (...given: unknown[]) => Promise<unknown>;
      redis.callBuffer = (async (...given: unknown[]) => {
        const answer = await callBuffer(...given);
        most = Math.max(most, measured(answer));
        return answer;
      }) as typeof redis.callBuffer;
      return work(redis);
    });
    return [result, most];
  }

  test.each([false, true])('a range gives all of them, page by page (reverse: %s)', async (reverse) => {
    const [found, most] = await largest(async (redis) => {
      const versions: number[] = [];
      for await (const { version } of rangeOf(log, { reverse }, (work) => work(redis), where)) {
        versions.push(version);
      }
      return versions;
    });
    const all = Array.from({ length: COUNT }, (_, i) => i + 1);
    expect(found).toEqual(reverse ? all.reverse() : all);
    expect(most).toBeLessThan(3 * PAGE_BYTES);
  });

  test.each([1, 150])(
    'a tail ends with the bytes, and is gone on with (after version %s)',
    async (version) => {
      const [found, most] = await largest(async (redis) => {
        const versions: number[] = [];
        for (let after = headAt(version); ; ) {
          const tail = await tailOf(redis, log, { after }, where);
          expect(tail.since).toBe('same');
          expect(tail.records.length).toBeGreaterThan(0);
          for (const each of tail.records) versions.push(each.version);
          if (!tail.more) return versions;
          after = headAt(versions.at(-1) as number);
        }
      });
      expect(found).toEqual(Array.from({ length: COUNT - version }, (_, i) => version + 1 + i));
      expect(most).toBeLessThan(8 * PAGE_BYTES);
    },
  );

  test('one that is larger than a page is a page', async () => {
    const name = 'larger';
    const data = JSON.stringify('x'.repeat(PAGE_BYTES + 1));
    const records = [1, 2, 3].map((version) => ({ ...record(version, false), data }));
    await backend.commit([{ key: name, expected: null, records }]);
    const tail = await backend.read(name, { after: headAt(1) });
    expect([tail.records.length, tail.more]).toEqual([1, true]);
    const page = await withRedis(url, (redis) => stretchOf(redis, `${prefix}/log/${name}`, 1, 3, where));
    expect([page?.records.length, page?.more]).toEqual([1, true]);
  });

  test('a feed gives all of them in order, and goes on within an append', async () => {
    const versions: number[] = [];
    let position: string | undefined;
    for await (const entry of backend.feed!(undefined, { limit: 55 })) {
      if (entry.key === 'k' && 'record' in entry) versions.push(entry.record.version);
      position = entry.position;
    }
    for await (const entry of backend.feed!(position, { limit: COUNT - 55 })) {
      if (entry.key === 'k' && 'record' in entry) versions.push(entry.record.version);
    }
    expect(versions).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
  });

  test('a record that is missing is no end of a page', async () => {
    const records = [1, 2, 3].map((version) => record(version, false));
    await backend.commit([{ key: 'short', expected: null, records }]);
    await withRedis(url, (redis) => redis.rpop(`${prefix}/log/short`));
    const read = backend.read('short', { after: headAt(1) });
    await expect(read).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
  });
});
