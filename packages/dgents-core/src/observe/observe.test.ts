import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { HookedBackend } from '../../test/hooked-backend.js';
import {
  BACKEND_CHANNEL,
  type BackendEvent,
  MemoryBackend,
  memoryBackend,
  OPERATION_CHANNEL,
  type OperationEvent,
  Store,
} from '../index.js';

type Phase = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';

/** Everything that is published between `begin` and the end of the test, in order. */
class Listener<E> {
  readonly heard: { phase: Phase; event: E }[] = [];
  private readonly ends: (() => void)[] = [];

  constructor(name: string, phases: readonly Phase[] = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']) {
    for (const phase of phases) {
      const hear = (event: unknown): void => void this.heard.push({ phase, event: event as E });
      subscribe(`tracing:${name}:${phase}`, hear);
      this.ends.push(() => unsubscribe(`tracing:${name}:${phase}`, hear));
    }
  }

  /** The events of calls that are over. */
  get over(): E[] {
    return this.heard.filter(({ phase }) => phase === 'asyncEnd').map(({ event }) => event);
  }

  end(): void {
    for (const end of this.ends) end();
  }
}

let operations: Listener<OperationEvent>;
let calls: Listener<BackendEvent>;
beforeEach(() => {
  operations = new Listener(OPERATION_CHANNEL);
  calls = new Listener(BACKEND_CHANNEL);
});
afterEach(() => {
  operations.end();
  calls.end();
});

const called = (name: BackendEvent['call']): BackendEvent[] => calls.over.filter(({ call }) => call === name);

describe('operations of an agent', () => {
  test('are told with what they were about, from start to end', async () => {
    await using store = new Store(memoryBackend());
    const agent = store.agent<{ text: string }>('k');
    await agent.save({ text: 'one' });
    await agent.update((draft) => {
      draft.text = 'two';
    });
    await agent.load();
    await agent.read({ at: 1 });
    await agent.history();
    await agent.delete();
    expect(operations.over).toEqual([
      expect.objectContaining({ operation: 'save', backend: 'memory', key: 'k', version: 1, attempts: 1 }),
      expect.objectContaining({ operation: 'update', version: 2, conflicts: 0, resent: 0, combined: 1 }),
      expect.objectContaining({ operation: 'load', version: 2 }),
      expect.objectContaining({ operation: 'read', version: 1 }),
      expect.objectContaining({ operation: 'history', items: 1 }),
      expect.objectContaining({ operation: 'delete', version: 3 }),
    ]);
    expect(operations.over[0]?.bytes).toBe('{"text":"one"}'.length);
    for (const { durationMs, error } of operations.over) {
      expect(durationMs).toBeGreaterThanOrEqual(0);
      expect(error).toBeUndefined();
    }
    const [first] = operations.heard;
    const ofFirst = operations.heard.filter(({ event }) => event === first?.event);
    expect(ofFirst.map(({ phase }) => phase)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  });

  test('that fail are told with a code, also those refused before anything was sent', async () => {
    await using store = new Store(memoryBackend());
    const agent = store.agent<{ n: number }>('k');
    await expect(agent.load()).rejects.toThrow();
    await expect(agent.save(undefined as never)).rejects.toThrow(TypeError);
    await agent.save({ n: 1 });
    await expect(agent.save({ n: 2 }, { expected: 0 })).rejects.toThrow();
    expect(operations.over.map(({ operation, error }) => [operation, error])).toEqual([
      ['load', 'DGENTS_STATE_NOT_FOUND'],
      ['save', 'TypeError'],
      ['save', undefined],
      ['save', 'DGENTS_STATE_CONFLICT'],
    ]);
    expect(operations.heard.filter(({ phase }) => phase === 'error')).toHaveLength(3);
  });

  test('count conflicts and the attempts after them', async () => {
    const backend = new MemoryBackend();
    await using ours = new Store(backend);
    const theirs = new Store(backend);
    const agent = ours.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
    await agent.load();
    await theirs.agent<{ n: number }>('k').save({ n: 10 });
    await agent.update((draft) => {
      draft.n += 1;
    });
    expect(operations.over.at(-1)).toMatchObject({
      operation: 'update',
      attempts: 2,
      conflicts: 1,
      version: 2,
    });
    expect(called('commit').map(({ conflicts }) => conflicts)).toEqual([0, 1, 0]);
  });

  test('that go out together say so, and the backend is called once', async () => {
    await using store = new Store(memoryBackend());
    const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
    await agent.save({ n: 0 });
    await Promise.all(
      Array.from({ length: 10 }, () =>
        agent.update((draft) => {
          draft.n += 1;
        }),
      ),
    );
    const updates = operations.over.filter(({ operation }) => operation === 'update');
    expect(updates.map(({ version }) => version)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(updates.every(({ combined }) => combined === 10)).toBe(true);
    const [, together] = called('commit');
    expect(together).toMatchObject({ key: 'k', appends: 1, records: 10, version: 11 });
    expect(together?.bytes).toBe(updates.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0));
  });

  test('that were lost on the way are counted as sent again, and those made before as replayed', async () => {
    const backend = new HookedBackend(memoryBackend());
    await using store = new Store(backend);
    const agent = store.agent<number>('k');
    let lost = 0;
    backend.before = ({ method }) => {
      if (method !== 'commit' || lost++ > 0) return;
      throw new Error('no answer');
    };
    await agent.save(1, { operationId: 'mine' });
    expect(operations.over.at(-1)).toMatchObject({ attempts: 1, resent: 1, conflicts: 0 });
    expect(called('commit').map(({ error }) => error)).toEqual(['Error', undefined]);
    await agent.save(1, { operationId: 'mine' });
    expect(operations.over.at(-1)).toMatchObject({ operation: 'save', replayed: true, version: 1 });
    expect(operations.over.at(-1)).not.toHaveProperty('attempts');
  });

  test('never tell a value, not in the message of an error either', async () => {
    await using store = new Store(memoryBackend({ values: false }));
    const agent = store.agent<{ text: string }>('k', { retain: { versions: 2, graceMs: 0 } });
    for (let n = 0; n < 300; n += 1)
      await agent.save({ text: `a secret ${n}` }, { meta: { by: 'a secret' } });
    await agent.update((draft) => {
      draft.text += ' more';
    });
    await expect(
      agent.update(() => {
        throw new RangeError('a secret');
      }),
    ).rejects.toThrow();
    await agent.load();
    for await (const _ of agent.timeline()) break;
    await store.close();
    expect(called('trim').length).toBeGreaterThan(0);
    expect(operations.over.some(({ error }) => error === 'RangeError')).toBe(true);
    expect(JSON.stringify([operations.heard, calls.heard])).not.toContain('secret');
  });
});

describe('streams', () => {
  test('are over when they end, when they are left and when they throw', async () => {
    await using store = new Store(memoryBackend());
    const agent = store.agent<number>('k');
    for (const n of [1, 2, 3]) await agent.save(n);
    for await (const _ of agent.timeline()) void _;
    for await (const _ of agent.timeline()) break;
    await expect(agent.timeline({ from: -1 })[Symbol.asyncIterator]().next()).rejects.toThrow(RangeError);
    const timelines = operations.over.filter(({ operation }) => operation === 'timeline');
    expect(timelines.map(({ items, error }) => [items, error])).toEqual([
      [3, undefined],
      [1, undefined],
      [0, 'RangeError'],
    ]);
  });

  test('that nobody begins tell nothing, and a watch is over when its signal says so', async () => {
    await using store = new Store(memoryBackend());
    const agent = store.agent<number>('k');
    await agent.save(1);
    await agent.timeline()[Symbol.asyncIterator]().return?.();
    const ending = new AbortController();
    const watch = agent.watch({ signal: ending.signal })[Symbol.asyncIterator]();
    await watch.next();
    expect(operations.heard.at(-1)).toMatchObject({ phase: 'end', event: { operation: 'watch', items: 1 } });
    ending.abort();
    expect(await watch.next()).toMatchObject({ done: true });
    expect(operations.over.map(({ operation }) => operation)).toEqual(['save', 'watch']);
  });
});

describe('a store', () => {
  test('tells of what concerns several states', async () => {
    await using store = new Store(memoryBackend());
    const [a, b] = [store.agent<{ n: number }>('a'), store.agent<{ n: number }>('b')];
    await Promise.all([a.save({ n: 1 }), b.save({ n: 2 })]);
    await store.transact([a, b], (first, second) => {
      first.n += 1;
      second.n += 1;
    });
    await store.fork('a', 'c');
    for await (const _ of store.keys()) void _;
    await store.has('a');
    await store.erase('c');
    expect(operations.over.slice(2)).toEqual([
      expect.objectContaining({ operation: 'transact', items: 2, attempts: 1, conflicts: 0 }),
      expect.objectContaining({ operation: 'fork', key: 'c', version: 1 }),
      expect.objectContaining({ operation: 'keys', key: '', items: 3 }),
      expect.objectContaining({ operation: 'has', key: 'a' }),
      expect.objectContaining({ operation: 'erase', key: 'c', items: 1 }),
    ]);
    expect(called('commit').find(({ appends }) => appends === 2)).toMatchObject({ records: 2, conflicts: 0 });
  });
});

describe('calls of a backend', () => {
  test('tell what was read, in bytes where it was text', async () => {
    const backend = new MemoryBackend({ values: false });
    await using store = new Store(backend);
    await store.agent('k').save('twelve bytes');
    await new Store(backend).agent('k').load();
    expect(called('read').at(-1)).toMatchObject({
      backend: 'memory',
      key: 'k',
      version: 1,
      records: 1,
      bytes: 14,
    });
  });

  test('tell of checkpoints and trims in the background', async () => {
    await using store = new Store(memoryBackend({ values: false }));
    const agent = store.agent<{ n: number; text: string }>('k', {
      initial: () => ({ n: 0, text: 'x'.repeat(500) }),
    });
    const trimmed = store.agent<number>('t', { retain: { versions: 2, graceMs: 0 } });
    for (let n = 0; n < 300; n += 1) {
      await agent.update((draft) => {
        draft.n = n;
      });
      await trimmed.save(n);
    }
    await store.close();
    for (const event of [called('checkpoint')[0], called('trim')[0]]) {
      expect(event?.version).toBeGreaterThan(0);
      expect(event?.bytes).toBeGreaterThan(0);
      expect(event?.durationMs).toBeGreaterThanOrEqual(0);
    }
    expect(called('close')).toHaveLength(1);
  });
});

describe('asynchronous context', () => {
  const place = new AsyncLocalStorage<string>();
  const { start } = tracingChannel<string, OperationEvent>(OPERATION_CHANNEL);
  afterEach(() => start.unbindStore(place));

  test('a store bound to the start of operations is seen by the calls of the backend', async () => {
    start.bindStore(place, ({ operation, key }) => `${operation} ${key}`);
    const seen: (string | undefined)[] = [];
    const backend = new HookedBackend(memoryBackend());
    await using store = new Store(backend);
    await store.ready();
    backend.before = ({ method }) => void seen.push(`${method} in ${place.getStore()}`);
    const agent = store.agent<number>('k');
    await agent.save(1);
    await agent.load();
    for await (const _ of agent.timeline()) break;
    expect(seen).toContain('commit in save k');
    expect(seen).toContain('read in load k');
    expect(seen).toContain('read in timeline k');
    expect(place.getStore()).toBeUndefined();
  });

  test('a write that waited for another one goes out in its own context', async () => {
    const backend = new HookedBackend(memoryBackend());
    await using store = new Store(backend);
    const agent = store.agent<number>('k');
    await agent.save(0);
    const seen: (string | undefined)[] = [];
    backend.before = ({ method }) => {
      if (method === 'commit') seen.push(place.getStore());
    };
    const first = place.run('first', () => agent.save(1));
    await Promise.resolve();
    await Promise.resolve();
    const second = place.run('second', () => agent.save(2));
    await Promise.all([first, second]);
    expect(seen).toEqual(['first', 'second']);
  });
});

test('where nobody listens any more, nothing is told', async () => {
  operations.end();
  calls.end();
  await using store = new Store(memoryBackend());
  await store.agent('k').save(1);
  expect([operations.heard, calls.heard]).toEqual([[], []]);
});

test('one who listens to the end alone hears it', async () => {
  operations.end();
  const ends = new Listener<OperationEvent>(OPERATION_CHANNEL, ['asyncEnd']);
  await using store = new Store(memoryBackend());
  await store.agent('k').save(1);
  ends.end();
  expect(ends.over).toMatchObject([{ operation: 'save', version: 1 }]);
});

test('a subscriber that freezes the events does nothing to what they are about', async () => {
  const freeze = (event: unknown): void => void Object.freeze(event);
  const channels = [OPERATION_CHANNEL, BACKEND_CHANNEL].map((name) => `tracing:${name}:start`);
  for (const channel of channels) subscribe(channel, freeze);
  try {
    await using store = new Store(memoryBackend());
    const agent = store.agent<number>('k', { initial: () => 0 });
    expect(await agent.save(1, { operationId: 'op' })).toBe(1);
    expect((await agent.update((n) => n + 1)).version).toBe(2);
    expect(await agent.save(1, { operationId: 'op' })).toBe(1);
    expect(await agent.load()).toBe(2);
    const other = store.agent('other', { initial: () => ({ n: 0 }) });
    await store.transact([other], (draft) => {
      draft.n += 1;
    });
    expect(await other.load()).toEqual({ n: 1 });
    expect(await agent.history()).toEqual([1]);
    const steps = agent.timeline()[Symbol.asyncIterator]();
    expect((await steps.next()).value).toMatchObject({ version: 1 });
    await steps.return?.();
    expect(await agent.delete()).toBe(true);
  } finally {
    for (const channel of channels) unsubscribe(channel, freeze);
  }
});
