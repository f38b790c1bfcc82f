/** What a server has to hold for one script is bounded by bytes, also where much has to be looked at. */
import type { Head, LogRecord } from 'dgents-core';
import { PAGE_BYTES } from '../src/read.lua.js';
import { RedisBackend } from '../src/redis-backend.js';
import { OwnRedis, ownRedisProblem } from './own-redis.js';

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;

const COUNT = 64;
const LARGE = JSON.stringify('x'.repeat(2 ** 20));

const headAt = (version: number): Head => ({ version, id: `id-${version}`, at: 1, deleted: false });

withServer(`the memory of a script${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  let server: OwnRedis;
  let backend: RedisBackend;

  /** 64 records of a megabyte. */
  const fill = async (key: string, kindOf: (version: number) => LogRecord['kind']): Promise<void> => {
    for (let version = 1; version <= COUNT; version++) {
      const record = { version, kind: kindOf(version), id: `id-${version}`, at: 1, data: LARGE };
      const expected = version === 1 ? null : headAt(version - 1);
      const [result] = await backend.commit([{ key, expected, records: [record] }]);
      expect(result).toMatchObject({ ok: true });
    }
  };

  const memory = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await server.say('INFO', 'memory')))?.[1]);

  /** By how much the server needed more than it did before. */
  async function needed(work: () => Promise<unknown>): Promise<number> {
    const before = await memory('used_memory');
    await work();
    return (await memory('used_memory_peak')) - before;
  }

  /** How many scripts were run. */
  async function scripts(work: () => Promise<unknown>): Promise<number> {
    await server.say('CONFIG', 'RESETSTAT');
    await work();
    const stats = String(await server.say('INFO', 'commandstats'));
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
  }

  beforeEach(async () => {
    server = await OwnRedis.start();
    backend = new RedisBackend({ url: server.url });
  });
  afterEach(async () => {
    await backend.close();
    await server.remove();
  });

  test('an old version of a log of large states is read in one round trip, and not with all that lies before', async () => {
    await fill('k', () => 'set');
    const at = COUNT - 2;
    await backend.read('k', { at });
    expect(
      await scripts(async () => {
        const { records, head } = await backend.read('k', { at });
        expect(records.map(({ version }) => version)).toEqual([at]);
        expect(head?.version).toBe(COUNT);
      }),
    ).toBe(1);
    expect(await needed(() => backend.read('k', { at }))).toBeLessThan(3 * PAGE_BYTES);
  });

  test('a whole state far below an old version is looked for a few megabytes at a time', async () => {
    await fill('k', (version) => (version === 2 || version === COUNT ? 'set' : 'patch'));
    let found: readonly number[] = [];
    const peak = await needed(async () => {
      const { records, more } = await backend.read('k', { at: COUNT - 1 });
      expect(more).toBe(true);
      found = records.map(({ version }) => version);
    });
    expect(found).toEqual([2, 3, 4, 5, 6, 7].slice(0, found.length));
    expect(peak).toBeLessThan(3 * PAGE_BYTES);
  });

  test('ids are looked for a few megabytes at a time, as far as they are kept', async () => {
    await fill('k', (version) => (version === 1 ? 'set' : 'patch'));
    await backend.trim('k', { version: 3, id: 'id-3', at: 1, data: LARGE });
    const ids = ['id-2', 'id-3', 'id-4', `id-${COUNT}`, 'never'];
    const peak = await needed(async () => {
      expect(await backend.find('k', ids)).toEqual(
        new Map([
          [`id-${COUNT}`, COUNT],
          ['id-4', 4],
          ['id-3', 3],
        ]),
      );
    });
    expect(peak).toBeLessThan(3 * PAGE_BYTES);
    await backend.trim('k', { version: COUNT, id: `id-${COUNT}`, at: 1, data: 'null' });
    expect([...(await backend.find('k', ids))]).toEqual([[`id-${COUNT}`, COUNT]]);
  });
});
