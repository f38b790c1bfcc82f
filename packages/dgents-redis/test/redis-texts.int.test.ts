/** Halves of surrogate pairs, which UTF-8 has not: in keys and ids they are kept apart, in data they are refused. */
import { byCodePoint, type FeedEntry, type LogRecord, newOperationId } from 'dgents-core';
import { RedisBackend } from '../src/redis-backend.js';
import { newPrefix, removePrefix } from './places.js';
import { redisUrl } from './redis.js';

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';

/** All the same in UTF-8, or what an escape of one of them looks like. */
const TWINS = ['\ud800', '\udbff', '\udc00', '\udfff', '\ufffd', '\udc00\ud800', '%uD800', '%25uD800'];

withServer(`halves of surrogate pairs${reason}`, () => {
  let prefix: string;
  let backend: RedisBackend;
  beforeEach(() => {
    prefix = newPrefix();
    backend = new RedisBackend({ url, prefix, feed: true });
  });
  afterEach(async () => {
    await backend.close();
    await removePrefix(url, prefix);
  });

  const record = (version: number, id: string, data = '1'): LogRecord => ({
    version,
    kind: 'set',
    id,
    at: 1,
    data,
  });

  test('in keys: each has its own log, list entry, feed entry and channel', async () => {
    for (const key of TWINS) await backend.commit([{ key, expected: null, records: [record(1, key)] }]);
    const keys: string[] = [];
    for await (const { key } of backend.keys()) keys.push(key);
    expect(keys.sort()).toEqual([...TWINS].sort());
    const fed: FeedEntry[] = [];
    for await (const entry of backend.feed!(undefined, { limit: TWINS.length })) fed.push(entry);
    expect(fed.map(({ key }) => key)).toEqual(TWINS);
    const channels = await Promise.all(TWINS.map((key) => backend.channelOf(key)));
    expect(new Set(channels).size).toBe(TWINS.length);
    for (const key of TWINS) expect((await backend.read(key)).head?.id).toBe(key);
    for (const after of TWINS) {
      const later: string[] = [];
      for await (const { key } of backend.keys('', { after })) later.push(key);
      expect(later).toEqual(TWINS.filter((key) => byCodePoint(key, after) > 0).sort(byCodePoint));
    }
  });

  test('in ids: a head, a replay and a search tell them apart', async () => {
    let expected = null;
    for (const [i, id] of TWINS.entries()) {
      const append = { key: 'k', expected, records: [record(i + 1, id)] };
      const twin = { ...append, records: [record(i + 1, `${id}\udfff`)] };
      const [made] = await backend.commit([append]);
      expect(made).toMatchObject({ ok: true, replayed: false, head: { id } });
      expect(await backend.commit([append])).toMatchObject([{ ok: true, replayed: true, head: { id } }]);
      expect(await backend.commit([twin])).toMatchObject([{ ok: false, head: { id } }]);
      expected = made!.head;
    }
    const found = await backend.find('k', [...TWINS, '\ud801', newOperationId()]);
    expect([...found].sort((a, b) => a[1] - b[1])).toEqual(TWINS.map((id, i) => [id, i + 1]));
    const ids: string[] = [];
    for await (const { id } of backend.range('k')) ids.push(id);
    expect(ids).toEqual(TWINS);
  });

  test('in data: a TypeError before anything is written, as it would come back as something else', async () => {
    const raw = '"\ud800"';
    const commit = backend.commit([
      { key: 'a', expected: null, records: [record(1, 'a')] },
      { key: 'k', expected: null, records: [record(1, 'x'), record(2, 'y', raw)] },
    ]);
    await expect(commit).rejects.toThrow(TypeError);
    expect([(await backend.read('a')).head, (await backend.read('k')).head]).toEqual([null, null]);
    await backend.commit([{ key: 'k', expected: null, records: [record(1, 'x', '"\\ud800"')] }]);
    for (const keep of [backend.checkpoint, backend.trim]) {
      await expect(keep.call(backend, 'k', { version: 1, id: 'x', at: 1, data: raw })).rejects.toThrow(
        TypeError,
      );
    }
    expect((await backend.read('k')).records).toMatchObject([{ data: '"\\ud800"' }]);
  });
});
