import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { CachedAgent } from '../cached/index.js';
import type { DataAgent } from '../data-agent.js';
import { StorageUnavailableError } from '../errors.js';
import { PersistentAgent } from '../file/persistent-agent.js';
import { focusOn, LensAgent, whole } from '../lens/index.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';
import { Recorder } from '../testing/wrapper/recorder.js';
import { batch, fork, type Logic, pipe, Symbiont, type SyncLogic } from './index.js';

type Count = { count: number };

const add: SyncLogic<number, number, Count> = (by, { count }) => [count, { count: count + by }];
const slowly: Logic<number, number, Count> = async (by, state) => {
  await new Promise(setImmediate);
  return add(by, state);
};
const initial = (): Count => ({ count: 0 });

describe('a symbiont', () => {
  test('gives the output and keeps the state', async () => {
    const agent = new VolatileAgent({ initial });
    const counter = new Symbiont(agent, add);
    expect([await counter.invoke(2), await counter.invoke(3)]).toEqual([0, 2]);
    expect(await agent.read()).toMatchObject({ state: { count: 5 }, version: 2 });
    expect(counter.logic(1, { count: 7 })).toEqual([7, { count: 8 }]);
  });

  test('needs no state where the agent has an initial one, and says so where not', async () => {
    await expect(new Symbiont(new VolatileAgent<Count>(), add).invoke(1)).rejects.toMatchObject({
      code: 'DGENTS_STATE_NOT_FOUND',
    });
  });

  test.each([
    ['at once', add],
    ['later', slowly],
  ])('makes one change for each call that answers %s, in order', async (_, logic) => {
    const agent = new VolatileAgent({ initial });
    const counter = new Symbiont(agent, logic);
    const outputs = await Promise.all(Array.from({ length: 20 }, () => counter.invoke(1)));
    expect(outputs).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect((await agent.read()).version).toBe(20);
  });

  test.each([
    ['at once', add],
    ['later', slowly],
  ])('makes one change for each call, of several that share a state and answer %s', async (_, logic) => {
    const store = new Store(memoryBackend());
    const counters = Array.from({ length: 5 }, () => new Symbiont(store.agent('count', { initial }), logic));
    const outputs = await Promise.all(
      counters.flatMap((counter) => Array.from({ length: 10 }, () => counter.invoke(1))),
    );
    expect(outputs.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(await store.agent<Count>('count').read()).toMatchObject({ state: { count: 50 }, version: 50 });
    await store.close();
  });

  test('works on a file, and behind a cache that is out of date', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dgents-symbiont-'));
    const open = () => new PersistentAgent({ path: join(directory, 'count.jsonl'), initial });
    const cached = new CachedAgent(open(), { maxAgeMs: Number.POSITIVE_INFINITY });
    const beside = open();
    const counter = new Symbiont(cached, add);
    await counter.invoke(1);
    await cached.load();
    await beside.update((draft) => {
      draft.count += 10;
    });
    expect(await counter.invoke(1)).toBe(11);
    await Promise.all([cached.close(), beside.close()]);
    rmSync(directory, { recursive: true });
  });

  test('has no more attempts than told, and then says who won', async () => {
    const store = new Store(memoryBackend());
    const beside = store.agent('count', { initial });
    let runs = 0;
    const late: Logic<number, number, Count> = async (by, state) => {
      runs += 1;
      await beside.update((draft) => {
        draft.count += 100;
      });
      return add(by, state);
    };
    const counter = new Symbiont(store.agent('count', { initial }), late, { attempts: 3 });
    await expect(counter.invoke(1)).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    expect(runs).toBe(3);
    expect(await beside.load()).toEqual({ count: 300 });
  });

  test('stores nothing where the output it promises fails', async () => {
    const agent = new VolatileAgent<number>({ initial: () => 0 });
    const failure = new RangeError('no output');
    const promising = new Symbiont(agent, (_: number, n: number) => [Promise.reject(failure), n + 1]);
    await expect(promising.invoke(1)).rejects.toBe(failure);
    expect((await agent.read()).version).toBe(0);
  });

  test('may change the state it is given, and what it gave out is not the state', async () => {
    const agent = new VolatileAgent({ initial: () => ({ list: ['a'] }) });
    const pusher = new Symbiont(agent, (item: string, state: { list: string[] }) => {
      state.list.push(item);
      return [state.list, state];
    });
    (await pusher.invoke('b')).push('mine');
    expect(await agent.load()).toEqual({ list: ['a', 'b'] });
  });

  test.each<[string, unknown, object]>([
    [
      'throws',
      () => {
        throw new RangeError('no');
      },
      new RangeError('no'),
    ],
    ['rejects', () => Promise.reject(new RangeError('no')), new RangeError('no')],
    ['returns no pair', () => ({ output: 1 }), expect.any(TypeError)],
    ['returns no state', () => [1, undefined], expect.any(TypeError)],
    [
      'returns what cannot be stored',
      () => [1, { f: () => 1 }],
      expect.objectContaining({ code: 'DGENTS_STATE_SERIALIZATION' }),
    ],
  ])('that %s stores nothing, and goes on', async (_, logic, error) => {
    const agent = new VolatileAgent({ initial });
    let bad = true;
    const counter = new Symbiont(agent, (by: number, state: Count) =>
      bad ? (logic as typeof add)(by, state) : add(by, state),
    );
    await expect(counter.invoke(1)).rejects.toEqual(error);
    expect((await agent.read()).version).toBe(0);
    bad = false;
    expect(await counter.invoke(1)).toBe(0);
  });

  test('passes on operation id, meta and deadline, and any failure but a conflict at once', async () => {
    const inner = new Recorder(new VolatileAgent({ initial }));
    const agent = inner.agent as DataAgent<Count>;
    const counter = new Symbiont(agent, add, { replay: () => 0 });
    await counter.invoke(1, { operationId: 'once', meta: { why: 'a test' }, timeoutMs: 1234 });
    expect(inner.calls.map(({ method, options }) => [method, options['timeoutMs']])).toEqual([
      ['update', 1234],
      ['read', 1234],
      ['save', 1234],
    ]);
    expect(await agent.read()).toMatchObject({ head: { id: 'once' }, meta: { why: 'a test' } });
    const failure = new StorageUnavailableError('down');
    inner.failNext(failure);
    await expect(counter.invoke(1)).rejects.toBe(failure);
    expect(await agent.load()).toEqual({ count: 1 });
  });

  test.each<[string, (agent: DataAgent<Count>) => DataAgent<Count>]>([
    ['an agent', (agent) => agent],
    ['a cache', (agent) => new CachedAgent(agent)],
    ['a cache that writes later', (agent) => new CachedAgent(agent, { mode: 'write-behind' })],
    ['a part', (agent) => new LensAgent(agent, whole())],
  ])('answers what was answered to a call that was made before, on %s', async (_, wrapped) => {
    const store = new Store(memoryBackend());
    let asked = 0;
    const open = () =>
      new Symbiont(
        wrapped(store.agent('count', { initial })),
        (by: number, state: Count) => {
          asked += 1;
          return add(by, state);
        },
        { replay: ({ state }, by) => state.count - by },
      );
    const counter = open();
    expect(await counter.invoke(5)).toBe(0);
    expect(await counter.invoke(1, { operationId: 'once' })).toBe(5);
    expect(await counter.invoke(3)).toBe(6);
    for (const each of [counter, open()]) expect(await each.invoke(1, { operationId: 'once' })).toBe(5);
    expect(asked).toBe(3);
    expect(await counter.agent.load()).toEqual({ count: 9 });
    await counter.agent.close();
    await store.close();
  });

  test('an operation id without a way to answer the second call is refused at the first', async () => {
    const agent = new VolatileAgent({ initial });
    const counter = new Symbiont(agent, add);
    await expect(counter.invoke(1, { operationId: 'once' })).rejects.toThrow(/`new Symbiont\(.*replay/);
    expect((await agent.read()).version).toBe(0);
    expect(() => new Symbiont(agent, add, { replay: 5 as never })).toThrow(TypeError);
  });

  test('one that its own logic calls says so instead of waiting for itself', async () => {
    const agent = new VolatileAgent({ initial });
    const calls = async (by: number, state: Count): Promise<[number, Count]> => {
      await new Promise(setImmediate);
      return [await (by > 2 ? around : counter).invoke(by - 1), state];
    };
    const counter: Symbiont<number, number, Count> = new Symbiont(agent, calls);
    const around: Symbiont<number, number, Count> = new Symbiont(new VolatileAgent({ initial }), calls);
    for (const by of [2, 3]) {
      await expect(counter.invoke(by)).rejects.toMatchObject({
        code: 'DGENTS_UNSUPPORTED',
        message: expect.stringContaining('its own logic'),
      });
    }
    expect((await agent.read()).version).toBe(0);
  });

  test('what its logic has left behind may call it later', async () => {
    const agent = new VolatileAgent({ initial });
    let later: Promise<number> | undefined;
    const counter: Symbiont<number, number, Count> = new Symbiont(agent, (by, state) => {
      if (by === 1)
        later = new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => counter.invoke(2));
      return add(by, state);
    });
    expect(await counter.invoke(1)).toBe(0);
    expect(await later).toBe(1);
  });

  test('on a part it is not computed anew for what others do to the rest', async () => {
    const agent = new VolatileAgent({ initial: () => ({ own: 0, rest: 0 }) });
    let asked = 0;
    const logic = async (by: number, own: number): Promise<[number, number]> => {
      asked += 1;
      await agent.update((draft) => {
        draft.rest += 1;
      });
      return [own, own + by];
    };
    const counter = new Symbiont(focusOn(agent, ['own']), logic, { attempts: 1 });
    expect([await counter.invoke(2), await counter.invoke(3)]).toEqual([0, 2]);
    expect(asked).toBe(2);
    expect(await agent.load()).toEqual({ own: 5, rest: 2 });
    const disturbed = new Symbiont(
      focusOn(agent, ['own']),
      async (by: number, own) => {
        await agent.update((draft) => {
          draft.own += 10;
        });
        return [own, own + by];
      },
      { attempts: 1 },
    );
    await expect(disturbed.invoke(1)).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    expect(await agent.load()).toEqual({ own: 15, rest: 2 });
  });

  test('takes its options at the call', async () => {
    const agent = new VolatileAgent({ initial });
    const counter = new Symbiont(agent, add);
    const meta = { why: 'a test' };
    const calls = [counter.invoke(1, { meta }), counter.invoke(1, { meta })];
    meta.why = 'changed';
    await Promise.all(calls);
    expect((await agent.read()).meta).toEqual({ why: 'a test' });
    await expect(counter.invoke(1, { meta: 7 as never })).rejects.toBeInstanceOf(TypeError);
  });

  test('can be given up while it waits, and leaves the order of the others', async () => {
    const agent = new VolatileAgent({ initial });
    const counter = new Symbiont(agent, slowly);
    const controller = new AbortController();
    const first = counter.invoke(1);
    const second = counter.invoke(10, { signal: controller.signal }).catch((error: unknown) => error);
    const third = counter.invoke(100);
    controller.abort('enough');
    expect(await second).toBe('enough');
    expect([await first, await third]).toEqual([0, 1]);
    expect(await agent.load()).toEqual({ count: 101 });
    expect(await counter.invoke(1, { signal: AbortSignal.abort('at once') }).catch((e: unknown) => e)).toBe(
      'at once',
    );
  });

  test('that is given up while it computes stores nothing', async () => {
    const agent = new VolatileAgent({ initial });
    const controller = new AbortController();
    const counter = new Symbiont(agent, async (by: number, state: Count) => {
      controller.abort('enough');
      return add(by, state);
    });
    await expect(counter.invoke(1, { signal: controller.signal })).rejects.toBe('enough');
    expect((await agent.read()).version).toBe(0);
  });

  test('arguments that cannot be meant are refused', () => {
    const agent = new VolatileAgent({ initial });
    expect(() => new Symbiont(agent, 7 as never)).toThrow(TypeError);
    for (const attempts of [0, -1, 1.5, Number.NaN]) {
      expect(() => new Symbiont(agent, add, { attempts })).toThrow(RangeError);
    }
  });
});

describe('logic', () => {
  const double: SyncLogic<number, number, Count> = (n, { count }) => [n * 2, { count: count + 1 }];
  const show: SyncLogic<number, string, Count> = (n, { count }) => [`${n}`, { count: count * 3 }];
  const later =
    <I, O>(logic: SyncLogic<I, O, Count>): Logic<I, O, Count> =>
    async (input, state) =>
      logic(input, state);
  const given = [fc.integer(), fc.record({ count: fc.integer() })] as const;

  test('pipe hands on output and state, and does not mind how it is grouped', async () => {
    await fc.assert(
      fc.asyncProperty(...given, async (input, state) => {
        const left = pipe(pipe(add, double), show)(input, state);
        expect(pipe(add, pipe(double, show))(input, state)).toEqual(left);
        expect(left).toEqual([`${state.count * 2}`, { count: (state.count + input + 1) * 3 }]);
        expect(await pipe(later(pipe(add, double)), show)(input, state)).toEqual(left);
      }),
    );
  });

  test('fork gives both the input, one after the other', async () => {
    expect(fork(add, double)(2, { count: 5 })).toEqual([[5, 4], { count: 8 }]);
    expect(await fork(add, later(double))(2, { count: 5 })).toEqual([[5, 4], { count: 8 }]);
  });

  test('batch takes one input after the other, in one change', async () => {
    expect(batch(add)([1, 2, 3], { count: 0 })).toEqual([[0, 1, 3], { count: 6 }]);
    expect(await batch(later(add))([1, 2, 3], { count: 0 })).toEqual([[0, 1, 3], { count: 6 }]);
    expect(batch(add)([], { count: 4 })).toEqual([[], { count: 4 }]);
    const [outputs] = batch(add)(new Array<number>(100_000).fill(1), { count: 0 });
    expect(outputs).toHaveLength(100_000);
    const agent = new VolatileAgent({ initial });
    await new Symbiont(agent, batch(fork(add, later(double)))).invoke([1, 2, 3]);
    expect(await agent.read()).toMatchObject({ version: 1, state: { count: 9 } });
  });

  test('of a part that returns no pair is refused', () => {
    expect(() => pipe((() => 7) as never, add)(1 as never, { count: 0 })).toThrow(TypeError);
  });
});
