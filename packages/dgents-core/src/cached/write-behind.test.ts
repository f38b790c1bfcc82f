import type { DataAgent } from '../data-agent.js';
import { OutcomeUnknownError, StateValidationError, StorageUnavailableError } from '../errors.js';
import { focusOn } from '../lens/index.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';
import { Recorder } from '../testing/wrapper/recorder.js';
import { ForwardingAgent } from '../wrapper/forwarding-agent.js';
import { CachedAgent, LostWritesError, type WriteBehindOptions } from './index.js';

interface Note {
  text: string;
  count: number;
}

const note = (text: string, count = 0): Note => ({ text, count });
const add = (draft: Note): void => {
  draft.count += 1;
};

/** An agent inside whose saves fail for as long as it is down. */
class Mortal extends ForwardingAgent<Note> {
  failure: unknown;
  saves = 0;
  /** Whether the save happens, and only its answer is lost. */
  isAnswerLost = false;
  beforeSave: () => Promise<unknown> = async () => undefined;

  override async save(...args: Parameters<ForwardingAgent<Note>['save']>): Promise<number> {
    this.saves += 1;
    await this.beforeSave();
    if (this.failure === undefined) return super.save(...args);
    if (this.isAnswerLost) await super.save(...args);
    throw this.failure;
  }
}

const down = (): StorageUnavailableError =>
  new StorageUnavailableError('The store is down.', { key: 'note' });

/** A cache that sends only when told to, unless told otherwise, and a handle beside it. */
async function bench(options: Partial<WriteBehindOptions<Note>> = {}) {
  const backend = memoryBackend();
  const commits: number[] = [];
  const counting = new Proxy(backend, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: [readonly { readonly records: readonly unknown[] }[]]) => {
        if (name === 'commit') commits.push(args[0][0]!.records.length);
        return Reflect.apply(value, target, args);
      };
    },
  });
  const store = new Store(counting);
  const beside = store.agent<Note>('note');
  await beside.save(note('first'));
  const inner = new Mortal(store.agent<Note>('note'));
  const told: unknown[] = [];
  const agent = new CachedAgent<Note>(inner, {
    mode: 'write-behind',
    flushMs: Infinity,
    onError: (error) => told.push(error),
    ...options,
  });
  commits.length = 0;
  return { store, beside, inner, agent, told, commits };
}

/** What a call rejects with. */
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a cache that writes behind', () => {
  test('acknowledges at once, shows what it has acknowledged, and stores it in one commit', async () => {
    const { agent, beside, inner, commits } = await bench();
    expect(await agent.save(note('second'), { meta: { by: 'me' } })).toBe(2);
    const updated = await agent.update(add);
    expect([updated.version, updated.state]).toEqual([3, note('second', 1)]);
    expect(await agent.load()).toEqual(note('second', 1));
    expect((await agent.read()).head).toEqual(updated.head);
    expect([inner.saves, agent.stats.pending]).toEqual([0, 2]);
    expect(await beside.load()).toEqual(note('first'));

    await agent.flush();
    expect([commits, agent.stats.pending]).toEqual([[2], 0]);
    const { state, version, head } = await beside.read();
    expect([state, version, head?.id]).toEqual([note('second', 1), 3, updated.head?.id]);
    expect((await beside.read({ at: 2 })).meta).toEqual({ by: 'me' });
    expect(agent.capabilities).toMatchObject({ durability: 'none', conflicts: 'deferred' });
  });

  test('sends what waits after flushMs, and when it is closed', async () => {
    const { agent, beside, store } = await bench({ flushMs: 5 });
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { version } of beside.watch({ pollMs: 5 })) {
        seen.push(version);
        if (version === 2) break;
      }
    })();
    await agent.save(note('second'));
    await watching;
    expect(seen.at(-1)).toBe(2);
    await agent.save(note('third'));
    await agent.close();
    expect(await store.agent<Note>('note').load()).toEqual(note('third'));
  });

  test('keeps what it was given and gives copies, frozen ones shared', async () => {
    const { agent } = await bench();
    const given = note('mine');
    const saving = agent.save(given);
    given.text = 'spoiled';
    await saving;
    (await agent.load()).text = 'spoiled';
    (await agent.update(add)).state.text = 'spoiled';
    expect(await agent.load()).toEqual(note('mine', 1));
    expect(await agent.load({ frozen: true })).toBe(await agent.load({ frozen: true }));
  });

  test('refuses at the call what cannot be stored', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          (value as Note).count < 2 ? { value: value as Note } : { issues: [{ message: 'too many' }] },
      },
    };
    const { agent } = await bench({ schema, codec: { maxBytes: 100 } });
    await expect(agent.save(note('x'.repeat(200)))).rejects.toMatchObject({ code: 'DGENTS_STATE_TOO_LARGE' });
    await expect(agent.save({ ...note('x'), call() {} } as Note)).rejects.toMatchObject({
      code: 'DGENTS_STATE_SERIALIZATION',
      path: '$.call',
    });
    await expect(agent.save(note('many', 2))).rejects.toBeInstanceOf(StateValidationError);
    await agent.update(add);
    await expect(agent.update(add)).rejects.toBeInstanceOf(StateValidationError);
    expect(agent.stats.pending).toBe(1);
  });

  test('numbers go on after a deletion, and what is absent begins at 1', async () => {
    const { agent, beside, store } = await bench();
    await beside.delete();
    expect(await agent.save(note('again'))).toBe(3);
    await agent.flush();
    expect(await agent.delete()).toBe(true);
    expect(await agent.save(note('and again'))).toBe(5);
    await agent.flush();
    expect((await beside.read()).version).toBe(5);

    const other = new CachedAgent<Note>(store.agent<Note>('new'), { mode: 'write-behind' });
    expect(await other.save(note('new'))).toBe(1);
    await other.close();
    expect(await store.agent<Note>('new').load()).toEqual(note('new'));
  });

  test('looking back stores what waits first', async () => {
    const { agent } = await bench();
    await agent.save(note('second'));
    expect(await agent.history()).toEqual([note('first')]);
    await agent.save(note('third'));
    expect((await agent.read({ at: 3 })).state).toEqual(note('third'));
    await agent.save(note('fourth'));
    const versions: number[] = [];
    for await (const { version } of agent.timeline()) versions.push(version);
    expect(versions).toEqual([1, 2, 3, 4]);
    await agent.save(note('fifth'));
    for await (const { version } of agent.watch()) {
      expect(version).toBe(5);
      break;
    }
  });

  test('an operation id, a time to live and force go to the store at once, after what waits', async () => {
    const { agent, beside } = await bench();
    await agent.save(note('second'));
    expect(await agent.save(note('third'), { operationId: 'once' })).toBe(3);
    expect(await agent.save(note('fourth'), { operationId: 'once' })).toBe(3);
    expect(await beside.load()).toEqual(note('third'));
    expect((await agent.update(add, { operationId: 'twice' })).version).toBe(4);
    expect((await agent.update(add, { operationId: 'twice' })).state.count).toBe(1);
    expect(await agent.save(note('fifth'), { ttlMs: 60_000 })).toBe(5);
    expect(await agent.save(note('sixth'), { expected: 'any' })).toBe(6);
    expect((await beside.read()).version).toBe(6);
    // Waits again.
    await agent.save(note('seventh'));
    expect([agent.stats.pending, (await beside.read()).version]).toEqual([1, 6]);
  });

  test('compares with what is expected, here where it can and in the store otherwise', async () => {
    const { agent, beside } = await bench();
    const first = await agent.read();
    await agent.save(note('second'), { expected: first });
    const second = await agent.read();
    await agent.update(add, { expected: second });
    await agent.save(note('fourth'), { expected: 3 });
    expect(agent.stats.pending).toBe(3);
    for (const expected of [first, second.head!, 2, 0]) {
      await expect(agent.save(note('no'), { expected })).rejects.toMatchObject({
        code: 'DGENTS_STATE_CONFLICT',
      });
      await expect(agent.update(add, { expected })).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    }
    expect(await beside.load()).toEqual(note('fourth'));
  });
});

describe('another writer', () => {
  test('is never overwritten: all that was built on another state is told to be lost', async () => {
    const { agent, beside, told } = await bench();
    await agent.load();
    await agent.save(note('mine'), { meta: { n: 1 } });
    const { head } = await agent.update(add);
    await beside.save(note('theirs'));

    const error = await failureOf(agent.flush());
    expect(error).toBeInstanceOf(LostWritesError);
    if (!agent.isLoss(error)) throw error;
    expect(error).toMatchObject({ code: 'DGENTS_STATE_CONFLICT', key: 'note', retryable: false });
    expect(error.message).toMatch(/^2 writes .* versions 2 to 3 .* of "note"/);
    expect(error.lost).toMatchObject([
      { kind: 'save', version: 2, state: note('mine'), meta: { n: 1 } },
      { kind: 'update', version: 3, state: note('mine', 1), operationId: head?.id, change: add },
    ]);
    expect(JSON.stringify(error)).not.toContain('mine');
    expect(told).toEqual([error]);

    // Told by flush itself; what is there is shown, and a recipe can be made anew.
    expect(await agent.load()).toEqual(note('theirs'));
    await agent.update(error.lost[1]!.change!);
    await agent.flush();
    expect(await beside.load()).toEqual(note('theirs', 1));
  });

  test('a cache knows its own losses, and only those', async () => {
    const { agent, beside, store } = await bench();
    const other = new CachedAgent(store.agent<Note>('note'), { mode: 'write-behind', flushMs: Infinity });
    const behind = [agent, other];
    for (const each of behind) await each.load();
    await beside.save(note('theirs'));
    for (const each of behind) await each.save(note('mine'));
    const [mine, others] = [await failureOf(agent.flush()), await failureOf(other.flush())];
    expect(behind.map((each) => each.isLoss(mine))).toEqual([true, false]);
    expect(behind.map((each) => each.isLoss(others))).toEqual([false, true]);
    expect(new CachedAgent(beside).isLoss(mine)).toBe(false);
    for (const error of [undefined, null, 'lost', down()]) expect(agent.isLoss(error)).toBe(false);
  });

  test('a save goes on being a conflict until the handle has loaded again', async () => {
    const { agent, beside } = await bench();
    await agent.load();
    await beside.save(note('theirs'));
    for (const _ of [1, 2]) {
      await agent.save(note('mine'));
      await expect(agent.flush()).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    }
    // However old what was seen: the cache itself looks again for a recipe, and its user has not.
    await agent.update(() => note('refused'), { expected: 1 }).catch(() => undefined);
    await agent.save(note('mine'));
    await expect(agent.flush()).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    await agent.load();
    await agent.save(note('mine'));
    await agent.flush();
    expect(await beside.load()).toEqual(note('mine'));
  });

  test('an absence that was seen is compared too', async () => {
    const { agent, beside } = await bench();
    await beside.delete();
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
    await beside.save(note('theirs'));
    await expect(agent.save(note('mine'))).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    expect(await beside.load()).toEqual(note('theirs'));
  });

  test.each<[string, (agent: CachedAgent<Note>) => Promise<unknown>]>([
    ['load', (agent) => agent.load()],
    ['save', (agent) => agent.save(note('next'))],
    ['update', (agent) => agent.update(add)],
    ['delete', (agent) => agent.delete()],
    ['history', (agent) => agent.history()],
    ['flush', (agent) => agent.flush()],
    ['close', (agent) => agent.close()],
  ])('what was lost in the background is told by the next call, once: %s', async (name, call) => {
    let heard: (error: unknown) => void = () => undefined;
    const lost = new Promise<unknown>((resolve) => {
      heard = resolve;
    });
    const { agent, beside } = await bench({ flushMs: 1, onError: (error) => heard(error) });
    await agent.load();
    await beside.save(note('theirs'));
    await agent.save(note('mine'));
    const error = await lost;
    expect(await failureOf(call(agent))).toBe(error);
    expect(agent.stats.pending).toBe(0);
    expect((await beside.read()).version).toBe(2);
    if (name !== 'close') expect(await agent.load()).toEqual(note('theirs'));
  });
});

describe('a store that is down', () => {
  test('keeps what waits, is told of, and tried again until it is stored', async () => {
    const { agent, inner, beside, told } = await bench();
    await agent.load();
    await agent.save(note('second'));
    inner.failure = down();
    await expect(agent.flush()).rejects.toBe(inner.failure);
    expect([told, agent.stats.pending]).toEqual([[inner.failure], 1]);
    // Told already: the next call goes on.
    expect(await agent.save(note('third'))).toBe(3);
    expect(await agent.load()).toEqual(note('third'));
    inner.failure = undefined;
    await agent.flush();
    expect((await beside.read()).version).toBe(3);
  });

  test.each([
    ['is told by the next call', true],
    ['is forgotten once all is stored', false],
  ])('a failure in the background %s', async (_, isAsked) => {
    let heard: (error: unknown) => void = () => undefined;
    const failed = new Promise<unknown>((resolve) => {
      heard = resolve;
    });
    const { agent, inner, beside } = await bench({ flushMs: 1, onError: (error) => heard(error) });
    await agent.load();
    const failure = down();
    inner.failure = failure;
    await agent.save(note('second'));
    expect(await failed).toBe(failure);
    if (isAsked) expect(await failureOf(agent.load())).toBe(failure);
    inner.failure = undefined;
    // It is tried again by itself.
    for await (const { version } of beside.watch({ pollMs: 5 })) if (version === 2) break;
    while (agent.stats.pending > 0) await new Promise(setImmediate);
    expect(await agent.load()).toEqual(note('second'));
    await agent.close();
  });

  test('what may have arrived is sent under the same id, and happens once', async () => {
    const { agent, inner, beside } = await bench();
    await agent.load();
    await agent.update(add);
    await agent.update(add);
    inner.isAnswerLost = true;
    inner.failure = new OutcomeUnknownError('No answer.', { operationId: 'x' });
    await expect(agent.flush()).rejects.toBe(inner.failure);
    inner.failure = undefined;
    await agent.update(add);
    await agent.flush();
    const { state, version } = await beside.read();
    expect([state, version]).toEqual([note('first', 3), 4]);
  });

  test('from the beginning refuses the first write: its number is not known', async () => {
    const recorder = new Recorder(new VolatileAgent<Note>() as DataAgent<unknown>);
    const agent = new CachedAgent(recorder.agent as DataAgent<Note>, { mode: 'write-behind' });
    const failure = down();
    recorder.failNext(failure);
    await expect(agent.save(note('lost?'))).rejects.toBe(failure);
    expect(agent.stats.pending).toBe(0);
    await agent.close();
  });

  test('at close rejects with all that is lost, closes all the same, and says so again', async () => {
    const { agent, inner, told } = await bench();
    await agent.load();
    await agent.save(note('second'));
    await agent.save(note('third'));
    inner.failure = down();
    const error = await failureOf(agent.close());
    if (!agent.isLoss(error)) throw error;
    expect([error.code, error.cause]).toEqual(['DGENTS_STORAGE_UNAVAILABLE', inner.failure]);
    expect(error.lost.map(({ state }) => state)).toEqual([note('second'), note('third')]);
    expect(error.message).toContain(error.lost[0]!.operationId);
    expect(told).toEqual([error]);
    expect(await failureOf(agent.close())).toBe(error);
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
    await expect(inner.load()).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  });

  test('an error that nobody can judge gives up what waits, and an onError that throws stops nothing', async () => {
    const { agent, inner } = await bench({
      onError: () => {
        throw new RangeError('of the handler');
      },
    });
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await agent.load();
    await agent.save(note('second'));
    inner.failure = new TypeError('a mistake');
    await expect(agent.flush()).rejects.toMatchObject({
      code: 'DGENTS_OUTCOME_UNKNOWN',
      cause: inner.failure,
    });
    expect(warnings.mock.calls.map(([message]) => message)).toEqual(['of the handler']);
    warnings.mockRestore();
    expect(await agent.load()).toEqual(note('first'));
  });
});

describe('how much may wait', () => {
  test('at maxPending all is sent, and the next write waits for room', async () => {
    const { agent, inner, commits, beside } = await bench({ maxPending: 2 });
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    inner.beforeSave = () => gate;
    await agent.load();
    await agent.save(note('second'));
    await agent.save(note('third'));
    const over: string[] = [];
    const fourth = agent.save(note('fourth')).then((version) => over.push(`saved ${version}`));
    const impatient = agent.save(note('never'), { timeoutMs: 20 });
    await expect(impatient).rejects.toMatchObject({ code: 'DGENTS_STORAGE_TIMEOUT' });
    const { signal } = new AbortController();
    await expect(agent.flush({ timeoutMs: 20, signal })).rejects.toMatchObject({
      code: 'DGENTS_STORAGE_TIMEOUT',
    });
    await expect(agent.history(1, { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect([over, agent.stats.pending, inner.saves]).toEqual([[], 2, 2]);
    release();
    await fourth;
    expect([over, commits]).toEqual([['saved 4'], [2]]);
    await agent.close();
    expect((await beside.history()).map(({ text }) => text)).toEqual(['third', 'second', 'first']);
  });

  test('a write that finds no room since the store is down is refused with why', async () => {
    const { agent, inner } = await bench({ maxPending: 1 });
    await agent.load();
    inner.failure = down();
    await agent.save(note('second'));
    await expect(agent.save(note('third'))).rejects.toBe(inner.failure);
    expect(agent.stats.pending).toBe(1);
    inner.failure = undefined;
    await agent.close();
  });

  test('flush comes to an end under constant writes, and many share what is on its way', async () => {
    const { agent, commits, beside } = await bench();
    await agent.load();
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await agent.update(add);
        await new Promise(setImmediate);
      }
    })();
    await agent.update(add);
    await Promise.all([agent.flush(), agent.flush(), agent.flush()]);
    expect(commits.length).toBeLessThanOrEqual(2);
    isOver = true;
    await writing;
    await agent.close();
    const { state, version } = await beside.read();
    expect(state.count).toBe(version - 1);
  });

  test('calls keep their order, however they are stored', async () => {
    const { agent, beside } = await bench({ maxPending: 10 });
    await agent.load();
    const texts = Array.from({ length: 20 }, (_, i) => String(i));
    await Promise.all(
      texts.map((text, i) => agent.save(note(text), i % 7 === 3 ? { operationId: `op-${i}` } : {})),
    );
    await agent.close();
    expect((await beside.history()).map(({ text }) => text)).toEqual([
      ...texts.slice(0, -1).reverse(),
      'first',
    ]);
  });
});

test.each<[string, boolean, (agent: DataAgent<Note>) => DataAgent<Note>]>([
  ['known', true, (agent) => agent],
  ['not known', false, (agent) => new ForwardingAgent(agent)],
])(
  'what a schema completes is shown, at the latest once it is stored: %s to the cache',
  async (_, isKnown, around) => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => ({ value: { count: 7, ...(value as Partial<Note>) } as Note }),
      },
    };
    const inner = new Store(memoryBackend()).agent<Note>('note', { schema });
    const agent = new CachedAgent<Note>(around(inner), { mode: 'write-behind', flushMs: Infinity });
    await agent.save({ text: 'mine' } as Note);
    expect(await agent.load()).toEqual(isKnown ? note('mine', 7) : { text: 'mine' });
    await agent.flush();
    expect(await agent.load()).toEqual(note('mine', 7));
    expect((await agent.update(add)).state).toEqual(note('mine', 8));
    await agent.close();
  },
);

test('goes around other wrappers, and they around it', async () => {
  const { agent, beside, store } = await bench();
  const text = focusOn(agent, ['text']);
  await text.save('of a part');
  await text.update((draft) => `${draft}, changed`);
  expect([agent.stats.pending, (await beside.read()).version]).toEqual([2, 1]);
  const outer = new CachedAgent(agent, { mode: 'write-behind' });
  await outer.update(add);
  await outer.close();
  expect(await beside.load()).toEqual(note('of a part, changed', 1));

  const part = focusOn(store.agent<Note>('note'), ['count']);
  const count = new CachedAgent(part, { mode: 'write-behind' });
  await count.update((number) => number + 1);
  await count.save(7);
  await count.close();
  expect(await beside.load()).toEqual(note('of a part, changed', 7));
});

test('options that cannot be meant are refused', () => {
  const inner = new VolatileAgent<Note>();
  const behind = (options: object) => () => new CachedAgent(inner, { mode: 'write-behind', ...options });
  for (const flushMs of [-1, Number.NaN, 2 ** 31, '5']) expect(behind({ flushMs })).toThrow(RangeError);
  for (const maxPending of [0, 1.5, Number.NaN, '5']) expect(behind({ maxPending })).toThrow(RangeError);
  expect(() => new CachedAgent(inner, { mode: 'write-around' as never })).toThrow(TypeError);
  expect(() => new CachedAgent(inner, { flushMs: 5 } as never)).toThrow(TypeError);
});
