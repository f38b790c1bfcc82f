/** Several states changed as one. */
import { type Hook, HookedBackend } from '../../test/hooked-backend.js';
import { failureOf, PLACES } from '../../test/places.js';
import { fileBackend } from '../file/file-backend.js';
import { type MemoryBackend, memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { ForwardingAgent } from '../wrapper/index.js';

interface Account {
  balance: number;
}

describe.each(PLACES.slice(0, 2))('a transaction in %s', (_, open) => {
  let backend: HookedBackend;
  let store: Store;
  let other: Store;
  const accountOf = (key: string, on = store) => on.agent<Account>(key, { initial: () => ({ balance: 0 }) });
  const balances = async (...keys: string[]) =>
    Promise.all(keys.map(async (key) => (await accountOf(key).load()).balance));
  beforeEach(async () => {
    const place = open();
    backend = new HookedBackend(place.backend());
    store = new Store(backend);
    other = new Store(place.backend());
    await accountOf('a').save({ balance: 100 });
  });

  const move = (amount: number, on = store) =>
    on.transact([accountOf('a', on), accountOf('b', on)], (a, b) => {
      a.balance -= amount;
      b.balance += amount;
    });

  test('changes all of its states in one commit, and tells each new state', async () => {
    backend.reset();
    const [a, b] = await move(30);
    expect([a.state, a.version, b.state, b.version]).toEqual([{ balance: 70 }, 2, { balance: 30 }, 1]);
    expect(a.head?.id).toBe(b.head?.id);
    expect(backend.calls.commit).toBe(1);
    expect(await balances('a', 'b')).toEqual([70, 30]);
  });

  test('that loses against another writer runs again on what is there now', async () => {
    backend.before = async ({ method }) => {
      if (method !== 'commit') return;
      backend.before = undefined;
      await accountOf('b', other).update((draft) => {
        draft.balance += 5;
      });
    };
    let runs = 0;
    const [a] = await store.transact([accountOf('a'), accountOf('b')], (first, second) => {
      runs += 1;
      first.balance -= 1;
      second.balance += 1;
    });
    expect(a.state).toEqual({ balance: 99 });
    expect(await balances('a', 'b')).toEqual([99, 6]);
    expect(runs).toBe(2);
  });

  test('and others of another store at the same time lose nothing', async () => {
    const moves = Array.from({ length: 12 }, (_unused, i) => move(1, i % 2 === 0 ? store : other));
    await Promise.all(moves);
    expect(await balances('a', 'b')).toEqual([88, 12]);
  });

  test('whose recipe throws or breaks the rules changes nothing', async () => {
    const agents = [accountOf('a'), accountOf('b')] as const;
    await expect(
      store.transact(agents, (a) => {
        a.balance = 0;
        throw new RangeError('no');
      }),
    ).rejects.toThrow('no');
    await expect(store.transact(agents, (async () => undefined) as never)).rejects.toThrow(TypeError);
    await expect(store.transact(agents, (() => 5) as never)).rejects.toThrow(TypeError);
    await expect(
      store.transact(agents, (a) => {
        (a as { f?: unknown }).f = () => 1;
      }),
    ).rejects.toThrow('a function');
    await expect(store.transact([agents[0], accountOf('a')], () => undefined)).rejects.toThrow(TypeError);
    const wrapped = new ForwardingAgent(accountOf('c'));
    await expect(store.transact([agents[0], wrapped as never], () => undefined)).rejects.toThrow(
      /no wrapper around one/,
    );
    await expect(store.transact([accountOf('a', other)], () => undefined)).rejects.toThrow('another store');
    await expect(store.transact([{ key: 'a', load: async () => 1 }], () => undefined)).rejects.toThrow(
      TypeError,
    );
    await expect(store.transact([store.agent('absent')], () => undefined)).rejects.toThrow(
      'There is no state',
    );
    expect(await balances('a', 'b')).toEqual([100, 0]);
    expect(await store.has('b')).toBe(false);
  });

  test('counts as having looked: a save may follow, and a conflict is one', async () => {
    const [a, b] = [accountOf('a'), accountOf('b')];
    await store.transact([a, b], (first) => {
      first.balance += 1;
    });
    expect(await a.save({ balance: 5 })).toBe(3);
    await accountOf('b', other).save({ balance: 7 });
    await expect(b.save({ balance: 1 })).rejects.toThrow('is at version 2');
  });

  test.each<[string, (commit: () => void) => Partial<Record<'before' | 'after', Hook>>]>([
    [
      'its request is lost',
      (lose) => ({ before: ({ method }) => (method === 'commit' ? lose() : undefined) }),
    ],
    ['its answer is lost', (lose) => ({ after: ({ method }) => (method === 'commit' ? lose() : undefined) })],
  ])('happens once when %s', async (_name, hooks) => {
    let left = 2;
    Object.assign(
      backend,
      hooks(() => {
        if (left-- > 0) throw new Error('ECONNRESET');
      }),
    );
    await move(10);
    expect(await balances('a', 'b')).toEqual([90, 10]);
    expect((await accountOf('a').read()).version).toBe(2);
  });

  test('is told OutcomeUnknown when the store stays silent', async () => {
    await store.ready();
    backend.before = ({ method }) => {
      if (method === 'commit' || method === 'range') throw new Error('ECONNRESET');
    };
    const agents = [accountOf('a'), accountOf('b')];
    const error = await failureOf(store.transact(agents, () => undefined, { timeoutMs: 40 }));
    expect(error.name).toBe('OutcomeUnknownError');
  });
});

test('a transaction is held to what its agents require', async () => {
  let now = 1000;
  const logs: MemoryBackend = memoryBackend({ clock: () => now });
  const store = new Store(logs);
  const durable = store.agent<object>('d', { initial: () => ({}), requireDurability: 'power' });
  await expect(store.transact([durable], () => undefined)).rejects.toThrow('Durability "power" is required');
  const brief = store.agent<object>('b', { initial: () => ({}), ttlMs: 10 });
  await store.transact([brief], () => undefined);
  expect(await store.has('b')).toBe(true);
  now += 11;
  expect(await store.has('b')).toBe(false);
});

test('a backend that keeps the current document is given it, by a transaction as by a save', async () => {
  const backend = new HookedBackend(memoryBackend());
  backend.declined = { materializes: true };
  const store = new Store(backend);
  const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
  await agent.save({ n: 1 });
  await agent.update((draft) => {
    draft.n += 1;
  });
  await store.transact([agent], (draft) => {
    draft.n += 1;
  });
  await agent.delete();
  expect(backend.appends.map(({ document }) => document)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}', 'null']);
});

test('a store that is atomic for one key only refuses', async () => {
  const store = new Store(fileBackend({ path: '/nowhere/at/all' }));
  const agents = [
    store.agent<object>('a', { initial: () => ({}) }),
    store.agent<object>('b', { initial: () => ({}) }),
  ];
  expect((await failureOf(store.transact(agents, () => undefined))).name).toBe('UnsupportedError');
});
