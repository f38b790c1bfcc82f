/** Positions of a feed: only those that it has given are taken. */
import type { Backend, Position } from 'dgents-core';
import { RedisBackend } from '../src/redis-backend.js';
import { newPrefix, removePrefix, withRedis } from './places.js';
import { redisUrl } from './redis.js';

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';

withServer(`positions of a feed${reason}`, () => {
  const prefix = newPrefix();
  const backend = new RedisBackend({ url: url ?? 'redis://none', prefix, feed: true });
  afterAll(async () => {
    await backend.close();
    await removePrefix(url, prefix);
  });

  const write = async (to: Backend, key: string, from: number, count: number): Promise<void> => {
    const records = Array.from({ length: count }, (_, i) => {
      const version = from + i;
      return { version, kind: 'set' as const, id: `${key}-${version}`, at: 1, data: '1' };
    });
    const expected =
      from === 1 ? null : { version: from - 1, id: `${key}-${from - 1}`, at: 1, deleted: false };
    expect(await to.commit([{ key, expected, records }])).toMatchObject([{ ok: true }]);
  };

  const read = async (limit: number, after?: Position): Promise<[Position, number][]> => {
    const given: [Position, number][] = [];
    for await (const entry of backend.feed!(after, { limit })) {
      given.push([entry.position, 'record' in entry ? entry.record.version : entry.trimmed.to]);
    }
    return given;
  };

  test('each that was given is taken, within an append too, and also once its log is trimmed or gone', async () => {
    await write(backend, 'a', 1, 3);
    await write(backend, 'a', 4, 2);
    await write(backend, 'b', 1, 1);
    const given = await read(6);
    expect(given.map(([, version]) => version)).toEqual([1, 2, 3, 4, 5, 1]);
    for (const [i, [position]] of given.slice(0, -1).entries()) {
      expect(await read(5 - i, position)).toEqual(given.slice(i + 1));
    }
    await backend.trim('a', { version: 4, id: 'a-4', at: 1, data: '1' });
    await withRedis(url, (redis) => redis.del(`${prefix}/log/b`));
    await write(backend, 'c', 1, 1);
    for (const [position] of given.slice(3)) expect((await read(1, position))[0]?.[1]).toBeDefined();
    expect((await read(1, given[5]![0]))[0]?.[1]).toBe(1);
  });

  test('one that was made up is a RangeError', async () => {
    await write(backend, 'd', 1, 2);
    const [[first] = [], , , , ...rest] = await read(5);
    const [, store = '', ms = '', count = '', version = ''] =
      /^([^.]+)\.:(\d+)-(\d+):(\d+)$/.exec(first as string) ?? [];
    expect(version).not.toBe('');
    expect(rest).toHaveLength(1);
    const place = `.:${ms}-${count}:${version}`;
    for (const strange of [
      store, // nowhere
      `${crypto.randomUUID()}${place}`, // of another store
      `${store}.:${Number(ms) - 1}-${count}:${version}`, // before the first
      `${store}.:${ms}-${Number(count) + 7}:${version}`, // between two entries
      `${store}.:${Number(ms) + 9e8}-0:1`, // behind the last
      `${store}.:${ms}-${count}:9`, // behind the append
      `${store}.:${ms}-${count}:0${version}`,
      `${store}.:0${ms}-${count}:${version}`,
      `${store}${place}${place}`,
      `${store}.x:${ms}-${count}:${version}`, // in a stream that is not there
    ]) {
      const outcome = await read(1, strange).catch((error: unknown) => error);
      expect([strange, outcome]).toEqual([strange, expect.any(RangeError)]);
    }
  });

  test('one beyond the end is a RangeError once what stood there was lost', async () => {
    await write(backend, 'e', 1, 1);
    let position: Position | undefined;
    for (const [each] of await read(5)) position = each;
    await withRedis(url, async (redis) => {
      const id = position!.split(':')[1] as string;
      expect(await redis.xdel(`${prefix}/feed`, id)).toBe(1);
    });
    await expect(read(1, position)).rejects.toThrow(/has not issued/);
  });

  test('a reader that is open is told when what it is at was trimmed away, as one that comes back is', async () => {
    const reader = backend.feed!()[Symbol.asyncIterator]();
    await write(backend, 'f', 1, 2);
    for (;;) {
      const { value } = await reader.next();
      if (value.key === 'f' && value.record?.version === 2) break;
    }
    await write(backend, 'g', 1, 1);
    await write(backend, 'g', 2, 1);
    await withRedis(url, (redis) => redis.xtrim(`${prefix}/feed`, 'MAXLEN', 1));
    await expect(reader.next()).rejects.toThrow(RangeError);
    await reader.return?.();
  });
});
