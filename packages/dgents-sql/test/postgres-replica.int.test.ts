/** A copy of a Postgres that may be behind, or down: what it says is given only where the primary would say the same. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type LogRecord, type RangeOptions, Store } from 'dgents-core';
import { PostgresBackend, type ReplicaOptions } from '../src/postgres/postgres-backend.js';
import { postgresDdl } from '../src/postgres/postgres-schema.js';
import { tablesOf } from '../src/shared/names.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';

const server = postgresUrl();
const reason = server === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = server === undefined ? describe.skip : describe;

withPostgres(`a replica of a Postgres${reason}`, () => {
  let primary: TestDatabase;
  let copy: TestDatabase;
  let errors: unknown[];
  const open: PostgresBackend[] = [];
  const backend = (replica: ReplicaOptions = { connectionString: copy.url }) => {
    const onError = (error: unknown) => errors.push(error);
    const opened = new PostgresBackend({ connectionString: primary.url, replica: { onError, ...replica } });
    open.push(opened);
    return opened;
  };

  beforeEach(async () => {
    [primary, copy] = await Promise.all([newDatabase(server as string), newDatabase(server as string)]);
    for (const statement of postgresDdl(tablesOf('dgents'))) await copy.say(statement);
    errors = [];
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
    await Promise.all([primary.drop(), copy.drop()]);
  });

  /** Brings the copy up to now. What it holds is marked, so that it is seen where a record comes from. */
  const replicate = async () => {
    for (const table of ['dgents_heads', 'dgents_log', 'dgents_checkpoints']) {
      const [row] = await primary.say(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${table} t`);
      await copy.say(`DELETE FROM ${table}`);
      await copy.say(
        `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`,
        [row!['rows']],
      );
    }
    await copy.say(`UPDATE dgents_log SET meta = '{"from":"copy"}'`);
  };

  /** The versions of a range, and where they come from. */
  const ranged = async (from: PostgresBackend, options?: RangeOptions) => {
    const records: LogRecord[] = [];
    for await (const record of from.range('a', options)) records.push(record);
    const copied = records.filter(({ meta }) => meta?.['from'] === 'copy').length;
    return {
      versions: records.map(({ version }) => version),
      from:
        records.length === 0
          ? 'nowhere'
          : copied === 0
            ? 'primary'
            : copied === records.length
              ? 'copy'
              : 'both',
    };
  };

  const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

  test('gives what it has, and the primary what it has not got yet', async () => {
    const used = backend();
    const agent = new Store(used).agent<number>('a');
    for (let n = 1; n <= 5; n++) await agent.save(n);
    await replicate();
    expect(await ranged(used)).toEqual({ versions: upTo(1, 5), from: 'copy' });
    expect(await ranged(used, { reverse: true, limit: 2 })).toEqual({ versions: [5, 4], from: 'copy' });
    expect(await agent.history()).toEqual([4, 3, 2, 1]);

    await agent.save(6);
    expect(await ranged(used)).toEqual({ versions: upTo(1, 6), from: 'primary' });
    expect(await ranged(used, { to: 6 })).toEqual({ versions: upTo(1, 6), from: 'primary' });
    expect(await ranged(used, { reverse: true, limit: 1 })).toEqual({ versions: [6], from: 'primary' });
    expect(await ranged(used, { from: 2, to: 5 })).toEqual({ versions: upTo(2, 5), from: 'copy' });
    expect(await ranged(used, { from: 7 })).toEqual({ versions: [], from: 'nowhere' });
    expect(await agent.history()).toEqual([5, 4, 3, 2, 1]);
    expect(errors).toEqual([]);
  });

  test('loads, heads and writes do not look at it', async () => {
    const used = backend();
    const agent = new Store(used).agent<number>('a');
    await agent.save(1);
    await replicate();
    await agent.save(2);
    expect(await new Store(backend()).agent('a').load()).toBe(2);
    expect((await used.read('a')).head?.version).toBe(2);
    expect(await agent.save(3)).toBe(3);
    // A log that only the copy has is none.
    await copy.say("UPDATE dgents_heads SET key = 'b'");
    expect((await used.read('b')).head).toBeNull();
    const records: unknown[] = [];
    for await (const record of used.range('b')) records.push(record);
    expect(records).toEqual([]);
  });

  test('a long stretch comes from the copy up to where it is behind, and then from the primary', async () => {
    const used = backend();
    const agent = new Store(used).agent<number>('a', { initial: () => 0 });
    await Promise.all(Array.from({ length: 300 }, () => agent.update((n) => n + 1)));
    await replicate();
    await agent.update((n) => n + 1);
    expect(await ranged(used, { to: 300 })).toEqual({ versions: upTo(1, 300), from: 'copy' });
    expect((await ranged(used)).versions).toEqual(upTo(1, 301));
    expect(await ranged(used, { reverse: true })).toEqual({ versions: upTo(1, 301).reverse(), from: 'both' });
  });

  test('what was trimmed or erased meanwhile is not shown, although the copy still has it', async () => {
    const used = backend();
    const agent = new Store(used).agent<number>('a');
    for (let n = 1; n <= 5; n++) await agent.save(n);
    await replicate();
    const third = (await used.read('a', { at: 3 })).records.at(-1)!;
    await used.trim('a', { version: 3, id: third.id, at: 1, data: '3' });
    expect(await ranged(used, { to: 4 })).toEqual({ versions: [4], from: 'primary' });
    expect(await ranged(used)).toEqual({ versions: [4, 5], from: 'primary' });
    await replicate();
    expect(await ranged(used)).toEqual({ versions: [4, 5], from: 'copy' });
    await agent.delete({ erase: true });
    expect((await ranged(used, { to: 5 })).versions).toEqual([]);
  });

  test('of a log that was begun anew nothing old is shown', async () => {
    const used = backend();
    const agent = new Store(used).agent<number>('a');
    for (let n = 1; n <= 5; n++) await agent.save(n);
    await replicate();
    await primary.say('UPDATE dgents_heads SET expires_at = 1');
    expect((await ranged(used)).versions).toEqual([]);
    await new Store(used).agent<number>('a').save(1);
    expect(await ranged(used)).toEqual({ versions: [1], from: 'primary' });
    expect(await ranged(used, { to: 1 })).toEqual({ versions: [1], from: 'primary' });
  });

  test('where it is down the primary answers, and it is left alone for a while', async () => {
    const used = backend({ connectionString: 'postgres://postgres@127.0.0.1:1/x' });
    const agent = new Store(used).agent<number>('a');
    for (let n = 1; n <= 3; n++) await agent.save(n);
    for (let i = 0; i < 5; i++) expect(await ranged(used)).toEqual({ versions: [1, 2, 3], from: 'primary' });
    expect(errors).toEqual([expect.objectContaining({ code: 'DGENTS_STORAGE_UNAVAILABLE' })]);
  });

  test('where it does not answer the primary does, within the deadline of the call', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const used = backend({ connectionString: `postgres://postgres@127.0.0.1:${port}/x` });
    await new Store(used).agent<number>('a').save(1);
    expect(await ranged(used, { timeoutMs: 2_000 })).toEqual({ versions: [1], from: 'primary' });
    expect(errors).toEqual([expect.objectContaining({ code: 'DGENTS_STORAGE_TIMEOUT' })]);
    await used.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('one that is nowhere is a TypeError', () => {
    expect(() => new PostgresBackend({ connectionString: primary.url, replica: {} })).toThrow(TypeError);
  });
});
