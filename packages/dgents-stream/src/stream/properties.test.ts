/** Random events, snapshots, saves, deletions and damage: the state is always what the events lead to. */
import { randomBytes } from 'node:crypto';
import { type Backend, type MemoryBackend, memoryBackend, Store } from 'dgents-core';
import { compress, encrypt } from 'dgents-core/transforms';
import fc from 'fast-check';
import { defineStream, StreamAgent, type StreamDefinition } from '../index.js';

type Event =
  | { readonly type: 'put'; readonly amount: number }
  | { readonly type: 'noted'; readonly text: string };
interface State {
  readonly sum: number;
  readonly order: number;
  readonly notes: readonly string[];
}
type Definition = StreamDefinition<Event, State, number>;

const EMPTY: State = { sum: 0, order: 0, notes: [] };

/** Another state for any other order. */
const folding =
  (factor: number) =>
  ({ sum, order, notes }: State, event: Event): State => {
    const by = event.type === 'put' ? factor * event.amount : event.text.length;
    return {
      sum: sum + (event.type === 'put' ? by : 0),
      order: (order * 31 + by + 7) % 1_000_003,
      notes: event.type === 'put' ? notes : [...notes, event.text].slice(-5),
    };
  };

const once: Definition = defineStream<Event, State, number>({
  initial: () => EMPTY,
  fold: folding(1),
  decide: (most, { sum }) => (sum > most ? [] : { type: 'put', amount: most - sum }),
});
const twice: Definition = { ...once, fold: folding(2), foldVersion: 2 };

/** An object without a prototype is another event, and refused under the same message id. */
const PLAIN = { noNullPrototype: true } as const;

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), amount: fc.integer({ min: -9, max: 9 }) }, PLAIN),
  fc.record({ type: fc.constant('noted' as const), text: fc.string({ maxLength: 6 }) }, PLAIN),
);
const events = fc.array(event, { minLength: 1, maxLength: 4 });
const who = fc.nat(3);

type Step =
  | { readonly kind: 'append'; readonly who: number; readonly events: readonly Event[]; readonly id?: number }
  | { readonly kind: 'stale'; readonly who: number; readonly by: number }
  | { readonly kind: 'decide'; readonly who: number; readonly most: number }
  | { readonly kind: 'save'; readonly who: number; readonly state: State }
  | { readonly kind: 'delete' | 'snapshot' | 'load' | 'damage'; readonly who: number };

const state = fc.record({
  sum: fc.integer({ min: -9, max: 9 }),
  order: fc.nat(99),
  notes: fc.array(fc.string({ maxLength: 3 }), { maxLength: 2 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), who, events }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('append' as const), who, events, id: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('stale' as const), who, by: fc.constantFrom(-2, -1, 1, 5) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('decide' as const), who, most: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('save' as const), who, state }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete' as const, 'snapshot' as const, 'load' as const, 'damage' as const),
      who,
    }),
  },
);

/** What a log holds: an event, a state that was set, or that there is none. */
type Entry = { readonly event: Event; readonly id?: number } | { readonly set: State } | null;

function modelOf(log: readonly Entry[], fold: (state: State, event: Event) => State): State {
  return log.reduce<State>((before, entry) => {
    if (entry === null) return EMPTY;
    return 'set' in entry ? entry.set : fold(before, entry.event);
  }, EMPTY);
}

/** Changes a few characters of the newest checkpoint, so that it still parses, or not. */
async function damage(backend: Backend, key: string): Promise<void> {
  const { checkpoint } = await backend.read(key);
  if (checkpoint?.data == null) return;
  const at = checkpoint.data.search(/\d/);
  const digit = (Number(checkpoint.data[at]) + 1) % 10;
  const data = at < 0 ? '{' : `${checkpoint.data.slice(0, at)}${digit}${checkpoint.data.slice(at + 1)}`;
  await backend.checkpoint(key, { ...checkpoint, data });
}

/** Handles of several stores, each with a definition of its own, on one log; and an array that tells what has to be there. */
async function play(memory: MemoryBackend, steps: readonly Step[], definition: Definition): Promise<void> {
  const stores = [0, 1, 2, 3].map(() => new Store(memoryBackend({ sharing: memory })));
  const open = (i: number): StreamAgent<Event, State, number> =>
    new StreamAgent(stores[i] as Store, 'k', {
      ...definition,
      snapshots: i === 1 ? { everyEvents: 3 } : false,
    });
  const handles = stores.map((_, i) => open(i));
  const { fold } = definition as { fold: (state: State, event: Event) => State };
  const log: Entry[] = [];
  try {
    for (const each of steps) {
      const handle = handles[each.who] as StreamAgent<Event, State, number>;
      switch (each.kind) {
        case 'append':
          await append(handle, log, each);
          break;
        case 'stale':
          expect(
            await handle.tryAppend(
              { type: 'put', amount: 1 },
              { expectedVersion: Math.max(1, log.length + each.by) },
            ),
          ).toMatchObject(
            log.length === Math.max(1, log.length + each.by)
              ? { ok: true }
              : { ok: false, actual: { version: log.length } },
          );
          if (log.length === Math.max(1, log.length + each.by))
            log.push({ event: { type: 'put', amount: 1 } });
          break;
        case 'decide': {
          const { sum } = modelOf(log, fold);
          const { version } = await handle.decide(each.most);
          if (sum <= each.most) log.push({ event: { type: 'put', amount: each.most - sum } });
          expect(version).toBe(log.length);
          break;
        }
        case 'save':
          await handle.load();
          expect(await handle.save(each.state)).toBe(log.push({ set: each.state }));
          break;
        case 'delete':
          await handle.load();
          if (await handle.delete()) log.push(null);
          break;
        case 'snapshot':
          await handle.snapshot();
          break;
        case 'damage':
          await damage(memory, 'k');
          break;
        case 'load':
          expect(await handle.load()).toEqual(modelOf(log, fold));
      }
    }
    for (const reader of [...handles, open(0)]) expect(await reader.load()).toEqual(modelOf(log, fold));
    const last = open(2);
    const found: [number, Event][] = [];
    for await (const { version, event: given } of last.events()) found.push([version, given]);
    expect(found).toEqual(
      log.flatMap((entry, i) => (entry !== null && 'event' in entry ? [[i + 1, entry.event]] : [])),
    );
    for (let at = log.length; at > 0; at -= 1) {
      if (log[at - 1] !== null) expect(await last.replayTo(at)).toEqual(modelOf(log.slice(0, at), fold));
    }
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

async function append(
  handle: StreamAgent<Event, State, number>,
  log: Entry[],
  { events: given, id }: Extract<Step, { kind: 'append' }>,
): Promise<void> {
  const options = id === undefined ? {} : { messageId: `m-${id}` };
  const before = log.flatMap((entry, i) =>
    id !== undefined && entry !== null && 'event' in entry && entry.id === id
      ? [{ entry, version: i + 1 }]
      : [],
  );
  if (before.length === 0) {
    const { firstVersion, version, duplicate } = await handle.append(given, options);
    expect([firstVersion, version, duplicate]).toEqual([log.length + 1, log.length + given.length, false]);
    log.push(...given.map((one) => ({ event: one, ...(id === undefined ? {} : { id }) })));
    return;
  }
  const stored = before.map(({ entry }) => entry.event);
  const isSame = JSON.stringify(stored) === JSON.stringify(given);
  const told = handle.append(given, options);
  if (!isSame) return void (await expect(told).rejects.toMatchObject({ code: 'DGENTS_MESSAGE_ID_REUSED' }));
  expect(await told).toEqual({
    firstVersion: before[0]?.version,
    version: before.at(-1)?.version,
    duplicate: true,
  });
}

describe.each([
  ['kept as values', true, {}],
  ['kept as text', false, {}],
  [
    'compressed and encrypted',
    false,
    {
      transforms: [compress({ minBytes: 1 }), encrypt({ keys: [{ id: 'a', key: randomBytes(32) }] })],
    },
  ],
] as const)('streams %s', (_, values, more) => {
  test('agree with an array, whatever several handles do', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await play(memoryBackend({ values }), steps, { ...once, ...more });
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('two folds side by side come each to their own state, whoever leaves a snapshot', async () => {
    const move = fc.tuple(events, fc.boolean(), fc.constantFrom('snapshot', 'damage', 'none'));
    const property = fc.asyncProperty(fc.array(move, { maxLength: 10 }), async (moves) => {
      const memory = memoryBackend({ values });
      const store = new Store(memory);
      const all: Event[] = [];
      for (const [given, isFirst, then] of moves) {
        const agents = [once, twice].map(
          (definition) => new StreamAgent(store, 'k', { ...definition, ...more }),
        );
        const [writer, other] = isFirst ? agents : [...agents].reverse();
        await writer?.append(given);
        all.push(...given);
        if (then === 'snapshot') await other?.snapshot();
        if (then === 'damage') await damage(memory, 'k');
        expect(await agents[0]?.load()).toEqual(all.reduce(folding(1), EMPTY));
        expect(await agents[1]?.load()).toEqual(all.reduce(folding(2), EMPTY));
      }
      await store.close();
    });
    await fc.assert(property, { numRuns: 40 });
  });
});

test('events of every version of their type are read as they would be written today', async () => {
  interface Put {
    readonly type: 'put';
    readonly amount: number;
  }
  // Each version names the amount in its own way.
  const names = ['a', 'b', 'c', 'amount'];
  const upcasters = names.slice(1).map((to, i) => {
    const from = names[i] as string;
    return (old: Record<string, unknown>) => ({ type: 'put', [to]: (old[from] as number) + 1 });
  });
  const at = (version: number) =>
    defineStream<{ readonly type: 'put'; readonly [name: string]: unknown }, number>({
      initial: () => 0,
      fold: (sum, { type: _, ...rest }) => sum * 3 + (Object.values(rest)[0] as number),
      foldVersion: version,
      upcasters: {
        put: Object.fromEntries(upcasters.slice(0, version - 1).map((each, i) => [i + 1, each as never])),
      },
    });
  const writes = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(9), fc.boolean()), {
    maxLength: 12,
  });
  const property = fc.asyncProperty(writes, async (given) => {
    const store = new Store(memoryBackend({ values: false }));
    const sorted = [...given].sort(([a], [b]) => a - b);
    const due: Put[] = [];
    for (const [version, amount, snapshots] of sorted) {
      const agent = new StreamAgent(store, 'k', at(version));
      await agent.append({ type: 'put', [names[version - 1] as string]: amount });
      if (snapshots) await agent.snapshot();
      due.push({ type: 'put', amount: amount + 4 - version });
    }
    const agent = new StreamAgent(store, 'k', at(4));
    expect(await agent.load()).toBe(due.reduce((sum, { amount }) => sum * 3 + amount, 0));
    const found: unknown[] = [];
    for await (const { event: one } of agent.events()) found.push(one);
    expect(found).toEqual(due);
    await store.close();
  });
  await fc.assert(property, { numRuns: 60 });
});
