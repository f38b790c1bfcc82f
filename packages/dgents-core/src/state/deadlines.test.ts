/** Rule 6: every call settles in time, with a typed error, and nothing is swallowed. */
import { gate, type Hook, HookedBackend, type Method, NEVER } from '../../test/hooked-backend.js';
import { all, failureOf } from '../../test/places.js';
import {
  OutcomeUnknownError,
  StorageFullError,
  StorageTimeoutError,
  StorageUnavailableError,
} from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { openStore } from '../open-store.js';
import { Store } from '../store.js';
import { pause } from './deadlines.js';

const TIMEOUT_MS = 60;

let backend: HookedBackend;
let store: Store;
let warnings: unknown[];
const unhandled: unknown[] = [];
const collect = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  backend = new HookedBackend(memoryBackend());
  warnings = [];
  store = new Store(backend, { timeoutMs: TIMEOUT_MS, onWarning: (error) => warnings.push(error) });
  unhandled.length = 0;
  process.on('unhandledRejection', collect);
});
afterEach(async () => {
  await pause(1);
  process.off('unhandledRejection', collect);
  expect(unhandled).toEqual([]);
});

const hang =
  (...methods: Method[]): Hook =>
  ({ method }) =>
    methods.includes(method) ? NEVER : undefined;

const fail =
  (error: unknown, ...methods: Method[]): Hook =>
  ({ method }) => {
    if (methods.includes(method)) throw error;
  };

/** The name of what it rejects with, or 'resolved'; 'hung' when it has not after far too long. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  const settled = promise.then(
    () => 'resolved',
    (error: Error) => error.name,
  );
  const late = new Promise<string>((resolve) => setTimeout(resolve, 20 * TIMEOUT_MS, 'hung').unref());
  return Promise.race([settled, late]);
}

const agentOf = (options = {}) => store.agent<number>('k', { initial: () => 0, ...options });

describe('a store that does not answer', () => {
  test.each<[Method, string, () => Promise<unknown>]>([
    ['ready', 'ready', () => agentOf().ready()],
    ['ready', 'load', () => agentOf().load()],
    ['ready', 'save', () => agentOf().save(1)],
    ['read', 'load', () => agentOf().load()],
    ['read', 'load at a version', () => agentOf().load({ at: 1 })],
    ['read', 'read', () => agentOf().read()],
    ['read', 'save', () => agentOf().save(1)],
    ['read', 'update', () => agentOf().update((n) => n + 1)],
    ['read', 'delete', () => agentOf().delete()],
    ['read', 'history', () => agentOf().history()],
    ['range', 'history', () => agentOf().history()],
    ['read', 'timeline', () => all(agentOf().timeline())],
    ['range', 'timeline', () => all(agentOf().timeline())],
    ['read', 'timeline from a time', () => all(agentOf().timeline({ from: new Date() }))],
    ['read', 'watch', () => all(agentOf().watch())],
    ['find', 'a save with an id', () => agentOf().save(1, { operationId: 'a' })],
    ['keys', 'keys', () => all(store.keys())],
    ['read', 'has', () => store.has('k')],
    ['keys', 'erase of a prefix', () => store.erase('k')],
    ['read', 'fork', () => store.fork('k', 'l')],
    ['read', 'transact', () => store.transact([agentOf()], () => undefined)],
  ])('%s hangs: %s rejects with StorageTimeoutError', async (method, _, call) => {
    const logs = new Store(backend.inner);
    const first = logs.agent<number>('k');
    for (const n of [1, 2, 3]) await first.save(n);
    backend.before = hang(method);
    expect(await outcome(call())).toBe('StorageTimeoutError');
    expect(await first.load()).toBe(3);
  });

  test('a commit that hangs is OutcomeUnknown, and names the operation and what it was to follow', async () => {
    const agent = agentOf();
    await agent.save(1, { operationId: 'first' });
    backend.before = hang('commit');
    for (const write of [agent.update((n) => n + 1), agent.save(2), agent.delete()]) {
      const error = await failureOf(write);
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect(error).toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN', retryable: true, key: 'k' });
      expect(error['expected']).toMatchObject({ version: 1, id: 'first' });
      expect(String(error['operationId'])).toMatch(/^[\w-]{12}$/);
      expect(error.cause).toBeDefined();
    }
  });

  test('a write behind one that hangs was never sent: StorageTimeoutError', async () => {
    const agent = agentOf();
    await agent.save(1);
    backend.before = hang('commit');
    const first = outcome(agent.update((n) => n + 1, { timeoutMs: 4 * TIMEOUT_MS }));
    await pause(1);
    expect(await outcome(agent.update((n) => n + 1))).toBe('StorageTimeoutError');
    expect(await first).toBe('OutcomeUnknownError');
  });

  test('of writes that go out together, each keeps its own time', async () => {
    const agent = agentOf();
    await agent.load();
    const slow = gate('commit');
    backend.before = slow.hook;
    const patient = agent.update((n) => n + 1, { timeoutMs: 40 * TIMEOUT_MS });
    expect(await outcome(agent.update((n) => n + 1))).toBe('OutcomeUnknownError');
    slow.open();
    expect((await patient).version).toBe(1);
    expect(await agent.load()).toBe(2);
  });

  test.each<Method>(['ready', 'read', 'commit', 'range', 'find'])(
    '%s: the store is usable again as soon as calls get through, though some were never answered',
    async (method) => {
      const agent = agentOf();
      if (method !== 'ready') await agent.save(1);
      backend.before = hang(method);
      await Promise.all([
        outcome(agent.load()),
        outcome(agent.update((n) => n + 1, { operationId: 'once' })),
        outcome(agent.history()),
        outcome(agentOf().save(7)),
      ]);
      backend.before = undefined;
      await agent.update((n) => n + 100);
      expect(await agent.load()).toBeGreaterThanOrEqual(100);
      await agent.history();
      await agentOf().save(7);
      await agentOf().update((n) => n + 1, { operationId: 'twice' });
      expect(await agentOf().load()).toBe(8);
    },
  );

  test('a write that was given up and comes through late is not doubled by its repetition', async () => {
    const agent = agentOf();
    await agent.save(1);
    const slow = gate('commit');
    backend.before = slow.hook;
    const error = await failureOf(agent.update((n) => n + 1));
    slow.open();
    const { operationId } = error as unknown as OutcomeUnknownError;
    expect((await agentOf().update((n) => n + 1, { operationId })).state).toBe(2);
    expect(await agent.load()).toBe(2);
  });

  test('opening a store that never gets ready rejects', async () => {
    backend.before = hang('ready');
    const opening = openStore('hung:', { timeoutMs: TIMEOUT_MS, backends: { hung: () => backend } });
    expect(await outcome(opening)).toBe('StorageTimeoutError');
    expect(backend.calls.close).toBe(1);
  });

  test('timeoutMs is what the call, the agent or the store says, in this order', async () => {
    backend.before = hang('read');
    const times = [
      (await failureOf(store.agent('k').load()))['timeoutMs'],
      (await failureOf(store.agent('k', { timeoutMs: 20 }).load()))['timeoutMs'],
      (await failureOf(store.agent('k', { timeoutMs: 20 }).load({ timeoutMs: 10 })))['timeoutMs'],
    ];
    expect(times).toEqual([TIMEOUT_MS, 20, 10]);
    for (const wrong of [0, -1, Number.NaN]) {
      await expect(store.agent('k').load({ timeoutMs: wrong })).rejects.toThrow(RangeError);
      expect(() => store.agent('k', { timeoutMs: wrong })).toThrow(RangeError);
      expect(() => new Store(backend, { timeoutMs: wrong })).toThrow(RangeError);
    }
    await expect(store.agent('k').load({ timeoutMs: '5' as never })).rejects.toThrow(TypeError);
  });

  test('the backend is told what remains of the time', async () => {
    let told: number | undefined;
    const { inner } = backend;
    const read = inner.read.bind(inner);
    inner.read = (key, options) => {
      told = options?.timeoutMs;
      return read(key, options);
    };
    await store.agent('k', { initial: () => 0 }).load({ timeoutMs: 1234 });
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(1234);
  });
});

describe('a store that fails', () => {
  const full = new StorageFullError('no room');
  const away = new StorageUnavailableError('gone', { cause: new Error('ECONNREFUSED') });

  test('what is certain not to have been written is told as it is', async () => {
    const agent = agentOf();
    await agent.save(1);
    for (const error of [full, away]) {
      backend.before = fail(error, 'commit');
      expect(await failureOf(agent.save(2))).toBe(error);
      expect(await failureOf(agent.update((n) => n + 1))).toBe(error);
      backend.before = fail(error, 'read');
      expect(await failureOf(agent.load())).toBe(error);
      expect(await failureOf(store.agent<number>('k').save(2, { operationId: 'x' }))).toBe(error);
    }
    backend.before = undefined;
    expect(await agent.save(2)).toBe(2);
  });

  test('an unknown error of a commit is looked into: nothing there, and it is sent again', async () => {
    const agent = agentOf();
    await agent.save(1);
    let left = 3;
    backend.before = ({ method }) => {
      if (method === 'commit' && left-- > 0) throw new Error('socket hang up');
    };
    expect(await agent.save(2)).toBe(2);
    expect(left).toBe(-1);
  });

  test('an answer lost after the write happened is found out, whoever has written since', async () => {
    const agent = agentOf();
    await agent.save(1);
    const other = new Store(backend.inner).agent<number>('k');
    let lost = false;
    backend.after = async ({ method }) => {
      if (method !== 'commit' || lost) return;
      lost = true;
      await other.update((n) => n + 10);
      throw new Error('ECONNRESET');
    };
    const result = await agent.update((n) => n + 1);
    expect([result.version, result.state]).toEqual([2, 2]);
    expect(await agent.load()).toBe(12);
  });

  test('an answer lost before another one wrote is a conflict for save and another try for update', async () => {
    const agent = agentOf();
    await agent.save(1);
    const other = new Store(backend.inner).agent<number>('k');
    const intrude: Hook = async ({ method }) => {
      if (method !== 'commit') return;
      backend.before = undefined;
      await other.update((n) => n + 10);
      throw new Error('ECONNRESET');
    };
    backend.before = intrude;
    expect((await failureOf(agent.save(2))).name).toBe('StateConflictError');
    await agent.load();
    backend.before = intrude;
    expect((await agent.update((n) => n + 1)).state).toBe(22);
  });

  test('a record that arrives between two looks is no reason for doubt', async () => {
    const agent = agentOf();
    await agent.save(1);
    const other = new Store(backend.inner).agent<number>('k');
    // The commit fails unseen; the look at what follows sees nothing; then somebody else writes.
    backend.before = async ({ method }) => {
      if (method === 'commit') {
        backend.before = async (call) => {
          if (call.method !== 'read') return;
          backend.before = undefined;
          await other.update((n) => n + 10);
        };
        throw new Error('ECONNRESET');
      }
    };
    expect((await agent.update((n) => n + 1)).state).toBe(12);
  });

  test('a bare error of a driver is given as a typed one, with the driver’s as its cause', async () => {
    const agent = store.agent<number>('k');
    await agent.save(1);
    const bare = new Error('read ECONNRESET');
    backend.before = fail(bare, 'read');
    await expect(agent.load()).rejects.toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      cause: bare,
      key: 'k',
    });
  });

  test('a failure in the background is a warning, and no call fails for it', async () => {
    backend.before = fail(new Error('no checkpoint today'), 'checkpoint', 'trim');
    const agent = store.agent<string[]>('k', { initial: () => [], retain: { versions: 4 } });
    for (let i = 0; i < 120; i += 1) {
      await agent.update((list) => {
        list.splice(0, 1, `${i}`.repeat(100));
      });
    }
    await pause(1);
    expect(warnings.length).toBeGreaterThan(0);
    const causes = warnings.map((warning) => ((warning as Error).cause as Error).message);
    expect(new Set(causes)).toEqual(new Set(['no checkpoint today']));
  });

  test('a checkpoint that is never answered keeps no later call from settling', async () => {
    const slow = gate('checkpoint');
    backend.before = slow.hook;
    const agent = store.agent('k', { initial: () => ({ n: 0, rest: 'x'.repeat(200) }) });
    for (let i = 0; i < 100; i += 1) {
      await agent.update((draft) => {
        draft.n += 1;
      });
    }
    expect(backend.calls.checkpoint).toBe(1);
    expect((await agent.read()).version).toBe(100);
    slow.open();
    await store.close();
  });
});

describe('an AbortSignal', () => {
  test.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['load', (signal) => agentOf().load({ signal })],
    ['read', (signal) => agentOf().read({ signal, at: 1 })],
    ['save', (signal) => agentOf().save(1, { signal })],
    ['update', (signal) => agentOf().update((n) => n + 1, { signal })],
    ['delete', (signal) => agentOf().delete({ signal })],
    ['history', (signal) => agentOf().history(3, { signal })],
    ['timeline', (signal) => all(agentOf().timeline({ signal }))],
    ['has', (signal) => store.has('k', { signal })],
    ['keys', (signal) => all(store.keys('', { signal }))],
    ['transact', (signal) => store.transact([agentOf()], () => undefined, { signal })],
  ])('aborted before: %s rejects with the reason, and nothing is written', async (_, call) => {
    const reason = new RangeError('changed my mind');
    expect(await failureOf(call(AbortSignal.abort(reason)))).toBe(reason);
    await store.ready();
    expect(await failureOf(call(AbortSignal.abort(reason)))).toBe(reason);
    await pause(1);
    expect(backend.calls.commit).toBe(0);
  });

  test.each<[Method, string, (signal: AbortSignal) => Promise<unknown>]>([
    ['read', 'load', (signal) => agentOf().load({ signal })],
    ['read', 'delete', (signal) => agentOf().delete({ signal })],
    ['ready', 'update', (signal) => agentOf().update((n) => n + 1, { signal })],
    ['read', 'history', (signal) => agentOf().history(3, { signal })],
    ['keys', 'keys', (signal) => all(store.keys('', { signal }))],
    ['read', 'transact', (signal) => store.transact([agentOf()], () => undefined, { signal })],
  ])(
    'aborted while %s is under way: %s rejects with the reason, and nothing is written',
    async (method, _, call) => {
      const controller = new AbortController();
      const slow = gate(method);
      backend.before = slow.hook;
      const failure = failureOf(call(controller.signal));
      await slow.entered;
      controller.abort();
      expect((await failure).name).toBe('AbortError');
      slow.open();
      await pause(5);
      expect(backend.calls.commit).toBe(0);
    },
  );

  test('aborted after the write was sent: OutcomeUnknown at once, and a repetition finds out', async () => {
    const agent = agentOf();
    await agent.save(1);
    const controller = new AbortController();
    const slow = gate('commit');
    backend.before = slow.hook;
    const failure = failureOf(agent.save(2, { signal: controller.signal, timeoutMs: 60_000 }));
    await slow.entered;
    controller.abort();
    const error = await failure;
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect((error.cause as Error).name).toBe('AbortError');
    slow.open();
    const { operationId } = error as unknown as OutcomeUnknownError;
    expect(await agentOf().save(2, { operationId })).toBe(2);
  });

  test('aborted after a transaction was sent: OutcomeUnknown at once', async () => {
    const agent = agentOf();
    await agent.save(1);
    const controller = new AbortController();
    const slow = gate('commit');
    backend.before = slow.hook;
    const failure = outcome(
      store.transact([store.agent<object>('o', { initial: () => ({}) })], () => undefined, {
        signal: controller.signal,
        timeoutMs: 60_000,
      }),
    );
    await slow.entered;
    controller.abort();
    expect(await failure).toBe('OutcomeUnknownError');
    slow.open();
  });

  test('aborted by the recipe of a transaction: the reason, and nothing is written', async () => {
    const controller = new AbortController();
    const agent = store.agent<object>('o', { initial: () => ({}) });
    const failure = store.transact([agent], () => controller.abort(), { signal: controller.signal });
    expect(await outcome(failure)).toBe('AbortError');
    expect(await store.has('o')).toBe(false);
  });

  test('ends the waiting of one writer and not of those whose writes go out with it', async () => {
    await store.ready();
    const slow = gate('read');
    backend.before = slow.hook;
    const controller = new AbortController();
    const aborted = outcome(agentOf().update((n) => n + 1, { signal: controller.signal, timeoutMs: 60_000 }));
    const other = agentOf().update((n) => n + 1, { timeoutMs: 50_000 });
    await slow.entered;
    controller.abort();
    expect(await aborted).toBe('AbortError');
    slow.open();
    expect((await other).state).toBe(1);
  });

  test('leaves no listener behind', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    const agent = agentOf();
    await agent.save(1, { signal });
    await agent.update((n) => n + 1, { signal });
    await agent.load({ signal });
    await agent.history(3, { signal });
    await agent.delete({ signal });
    await failureOf(store.agent('absent').load({ signal }));
    expect(listeners).toBe(0);
  });
});

test('an erasure that hangs says so, and the state is deleted by then', async () => {
  const agent = agentOf();
  await agent.save(1);
  backend.before = hang('trim');
  expect(await outcome(agent.delete({ erase: true }))).toBe('StorageTimeoutError');
  expect(await store.has('k')).toBe(false);
});

test('errors of the store say which, and for which key', async () => {
  backend.before = hang('read');
  const error = await failureOf(agentOf().load());
  expect(error).toBeInstanceOf(StorageTimeoutError);
  expect(error).toMatchObject({ key: 'k', retryable: true });
  expect(error.message).toMatch(/memory store/);
});
