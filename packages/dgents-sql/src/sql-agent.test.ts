import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClosedError, memoryBackend, openStore, Store } from 'dgents-core';
import { describeDataAgent } from 'dgents-core/testing';
import { SQLAgent } from './sql-agent.js';
import { SqliteBackend } from './sqlite/sqlite-backend.js';
import { backends } from './urls.js';

// On a file, and by several processes, agents are tested with the backend.
describeDataAgent<SqliteBackend>({
  describe,
  test,
  name: 'SQLAgent',
  claims: { ttl: true },
  create: () => new SqliteBackend({ path: ':memory:', materialize: true }),
  open: (backend, options) => new SQLAgent<unknown>({ ...options, backend }),
  destroy: (backend) => backend.close(),
});

describe('a SQLAgent', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dgents-sql-agent-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('closes what it opened, and leaves open what it was given', async () => {
    const backend = new SqliteBackend({ path: join(folder, 'state.db') });
    const lent = new SQLAgent<number>({ backend, key: 'n' });
    await lent.save(1);
    await lent.close();
    expect(await new SQLAgent<number>({ backend, key: 'n' }).load()).toBe(1);
    await backend.close();
    const own = new SQLAgent<number>({ url: `sqlite:${join(folder, 'state.db')}`, key: 'n' });
    expect(await own.load()).toBe(1);
    await own.close();
    await expect(own.load()).rejects.toThrow(AgentClosedError);
  });

  test('is at the same address as an agent of a store', async () => {
    const backend = new SqliteBackend({ path: join(folder, 'state.db') });
    const store = new Store(backend);
    await store.agent<string>('user:1').save('here');
    expect(await new SQLAgent<string>({ backend, key: 'user:1' }).load()).toBe('here');
    await store.close();
  });

  test('reads the past between two versions and between two times', async () => {
    let now = 1_000;
    const agent = new SQLAgent<number>({ url: `sqlite:${join(folder, 'state.db')}`, clock: () => now });
    for (let n = 1; n <= 9; n++) {
      now = n * 1_000;
      await agent.save(n);
    }
    const states = async (options: object) => {
      const found: unknown[] = [];
      for await (const each of agent.timeline(options)) found.push('state' in each ? each.state : each);
      return found;
    };
    expect(await states({ from: 3, to: 5 })).toEqual([3, 4, 5]);
    expect(await states({ from: new Date(7_500) })).toEqual([8, 9]);
    expect(await states({ from: new Date(2_000), to: new Date(3_999) })).toEqual([2, 3]);
    await agent.close();
  });

  test('takes the backend of a store, and no other one', async () => {
    const store = await openStore(`sqlite:${join(folder, 'state.db')}?materialize=true`, { backends });
    await store.agent('user:1').save({ name: 'Ada' });
    const users = new SQLAgent<{ name: string }>({ backend: store.backend, key: 'user:1' });
    expect(await users.query({ keys: 'user:', where: [['name', '=', 'Ada']] })).toHaveLength(1);
    await store.close();
    expect(() => new SQLAgent({ backend: memoryBackend() })).toThrow(TypeError);
  });

  test.each([
    ['neither', {}],
    ['both', { url: 'sqlite::memory:', backend: new SqliteBackend({ path: ':memory:' }) }],
  ])('needs one of url and backend, not %s', (_, options) => {
    expect(() => new SQLAgent(options)).toThrow(TypeError);
  });

  test.each(['mysql://root:secret@localhost/db', 'state.db', 'sqlite:', 'sqlite:x.db?materialize=yes'])(
    'refuses %s and gives no secret away',
    (url) => {
      let error: unknown;
      try {
        new SQLAgent({ url });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
      expect(String((error as Error).stack)).not.toContain('secret');
    },
  );

  test('refuses a misspelt option, its own and those of every agent', () => {
    const open = (options: object) => () => new SQLAgent({ url: 'sqlite::memory:', ...options });
    expect(open({ kye: 'mine' })).toThrow('SQLAgent has no option "kye". Did you mean key?');
    expect(open({ ttlms: 5 })).toThrow('Did you mean ttlMs?');
    expect(open({ timeoutMs: 500, checkpointFactor: 3 })).not.toThrow();
  });

  test('refuses a key that a store refuses', () => {
    expect(() => new SQLAgent({ url: 'sqlite::memory:', key: '$mine' })).toThrow(/"\$"/);
  });
});
