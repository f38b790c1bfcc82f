/** What one commit does to several logs, and what can be said of one that was sent twice. */
import type { Append, Head, LogRecord } from 'dgents-core';
import { Redis } from 'ioredis';
import { pause } from '../../dgents-core/test/child.js';
import { startProxy } from '../../dgents-sql/test/proxy.js';
import { RedisBackend } from '../src/redis-backend.js';
import { newPrefix, removePrefix, withRedis } from './places.js';
import { redisUrl } from './redis.js';

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';

const headAt = (version: number): Head => ({ version, id: `id-${version}`, at: 1, deleted: false });
const record = (version: number, id = `id-${version}`): LogRecord => ({
  version,
  kind: 'set',
  id,
  at: 1,
  data: `"${id}"`,
});

/** Records `from` to `to`, behind the one before. */
function appendOf(key: string, from: number, to = from): Append {
  const records = Array.from({ length: to - from + 1 }, (_, i) => record(from + i));
  return { key, expected: from === 1 ? null : headAt(from - 1), records };
}

withServer(`times to live in one commit${reason}`, () => {
  const prefix = newPrefix();
  afterEach(() => removePrefix(url, prefix));

  /** Whole minutes that are left, -1 where it stays. */
  const left = (keys: readonly string[]): Promise<number[]> =>
    withRedis(url, async (redis) => {
      const all = await Promise.all(keys.map((key) => redis.pttl(`${prefix}/log/${key}`)));
      return all.map((ms) => (ms < 0 ? ms : Math.ceil(ms / 60_000)));
    });

  test.each([true, false])('each log gets its own, and no other (atomic: %s)', async (atomic) => {
    const minutes = (append: Append, count?: number): Append =>
      count === undefined ? append : { ...append, ttlMs: count * 60_000 };
    for (const expiry of ['sliding', 'absolute'] as const) {
      const backend = new RedisBackend({ url, prefix, expiry });
      const keys = ['a', 'b', 'c', 'd'].map((key) => `${key} ${expiry}`);
      const [a, b, c, d] = keys as [string, string, string, string];
      await backend.commit([minutes(appendOf(a, 1), 10), appendOf(b, 1), minutes(appendOf(c, 1), 20)], {
        atomic,
      });
      expect(await left([a, b, c])).toEqual([10, -1, 20]);
      // One takes it back, one gets one, one sets it anew, one begins with one, and one that conflicts keeps its own.
      const refused = minutes({ ...appendOf(c, 2), expected: headAt(1), records: [record(2)] }, 50);
      await backend.commit(
        [appendOf(a, 2), minutes(appendOf(b, 2), 30), refused, minutes(appendOf(d, 1), 40)],
        {
          atomic,
        },
      );
      expect(await left(keys)).toEqual([-1, 30, expiry === 'sliding' ? 50 : 20, 40]);
      const conflict = minutes({ ...appendOf(c, 2), records: [record(2, 'another')] }, 5);
      const again = minutes(appendOf(b, 2), 5);
      await backend.commit([appendOf(a, 3), conflict, again], { atomic });
      expect(await left(keys)).toEqual([-1, 30, expiry === 'sliding' ? 50 : 20, 40]);
      await backend.close();
    }
  });
});

withServer(`a commit that a client sends again by itself${reason}`, () => {
  const prefix = newPrefix();
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let client: Redis;
  let backend: RedisBackend;
  let other: RedisBackend;
  let loses = false;

  beforeEach(async () => {
    const { hostname, port, pathname } = new URL(url);
    proxy = await startProxy(Number(port || 6379), hostname, (asked) => loses && asked.includes('"lost"'));
    // As the driver is set unless told otherwise, but for the time in which others get ahead.
    client = new Redis(`redis://127.0.0.1:${proxy.port}${pathname}`, { retryStrategy: () => 300 });
    client.on('error', () => undefined);
    backend = new RedisBackend({ client, prefix });
    other = new RedisBackend({ url, prefix });
    await other.commit([appendOf('k', 1, 3)]);
    await backend.ready();
  });
  afterEach(async () => {
    await Promise.all([backend.close(), other.close()]);
    client.disconnect();
    await proxy.close();
    await removePrefix(url, prefix);
  });

  const lost: Append = { key: 'k', expected: headAt(3), records: [record(4, 'lost')] };

  /** Sends it, loses the answer, and lets `meanwhile` happen before the client sends it again. */
  async function twice(append: Append, meanwhile: () => Promise<unknown>): Promise<unknown> {
    loses = true;
    const outcome = backend.commit([append], { timeoutMs: 5_000 }).catch((error: unknown) => error);
    while (proxy.lost === 0) await pause(5);
    loses = false;
    await meanwhile();
    return outcome;
  }

  const follow = async () => {
    const expected = { ...headAt(4), id: 'lost' };
    const records = [record(5), record(6)];
    expect(await other.commit([{ key: 'k', expected, records }])).toMatchObject([{ ok: true }]);
  };
  const trim = (version: number, id = `id-${version}`) =>
    other.trim('k', { version, id, at: 1, data: 'null' });

  test('is in doubt where what would tell was trimmed away, and no conflict', async () => {
    const outcome = await twice(lost, async () => {
      await follow();
      await trim(5);
    });
    expect(outcome).toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN', operationId: 'lost' });
    expect((await other.read('k')).head?.version).toBe(6);
  });

  test('was made where it is still there, be it as the base', async () => {
    const outcome = await twice(lost, async () => {
      await follow();
      await trim(4, 'lost');
    });
    expect(outcome).toMatchObject([{ ok: true, replayed: true, head: { version: 4, id: 'lost' } }]);
  });

  test('a writer that was sent once and is far behind has a conflict, whatever was trimmed', async () => {
    await other.commit([appendOf('k', 4, 9)]);
    await trim(8);
    for (const append of [lost, { ...lost, expected: null, records: [record(1, 'lost')] }]) {
      expect(await backend.commit([append])).toMatchObject([{ ok: false, head: { version: 9 } }]);
    }
    const several = [appendOf('l', 1), lost];
    expect(await backend.commit(several, { atomic: true })).toMatchObject([
      { ok: false, head: null },
      { ok: false, head: { version: 9 } },
    ]);
    expect((await other.read('l')).head).toBeNull();
  });
});
