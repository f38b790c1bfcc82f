/** What the compiler infers: this file only has to compile. */
import { z } from 'zod';
import { CachedAgent } from './cached/index.js';
import type { DataAgent, DeepReadonly, Deleted, StateAgent, Store, Versioned } from './index.js';
import { defineState, PersistentAgent, VolatileAgent } from './index.js';
import { focusOn } from './lens/index.js';
import type { ForwardingAgent } from './wrapper/index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

interface Profile {
  name: string;
  tags: string[];
  seen: Map<string, Date>;
}

const initial = (): Profile => ({ name: '', tags: [], seen: new Map() });
const schema = z.object({ name: z.string(), visits: z.number().default(0) });
type Visitor = { name: string; visits: number };

export async function inference(store: Store): Promise<void> {
  // S comes from `initial`, from the schema's output, from a definition, or is told.
  const byInitial = store.agent('k', { initial });
  expectType<Profile>()(await byInitial.load(), true);
  const bySchema = store.agent('k', { schema });
  expectType<Visitor>()(await bySchema.load(), true);
  const visitor = defineState({ name: 'visitor', schema, initial: () => ({ name: '', visits: 0 }) });
  expectType<Visitor>()(await store.agent('k', visitor).load(), true);
  expectType<Visitor>()(await new VolatileAgent(visitor).load(), true);
  expectType<Visitor>()(await new PersistentAgent({ path: 'p', ...visitor }).load(), true);
  expectType<Profile>()(await new VolatileAgent({ initial }).load(), true);
  expectType<number>()(await store.agent<number>('k').load(), true);

  // A frozen state is read-only all the way down; its Dates and class instances are copies.
  const frozen = await byInitial.load({ frozen: true });
  expectType<DeepReadonly<Profile>>()(frozen, true);
  // @ts-expect-error it is read-only
  frozen.name = 'x';
  // @ts-expect-error it is read-only
  frozen.tags.push('x');
  // @ts-expect-error it is read-only
  frozen.seen.set('x', new Date());
  const versioned = await byInitial.read({ frozen: true });
  expectType<DeepReadonly<Profile>>()(versioned.state, true);
  expectType<DeepReadonly<Profile>[]>()(await byInitial.history(3, { frozen: true }), true);
  for await (const version of byInitial.timeline({ frozen: true })) {
    expectType<Versioned<DeepReadonly<Profile>> | Deleted>()(version, true);
    // @ts-expect-error it may be a tombstone
    version.state;
    if (!version.deleted) expectType<DeepReadonly<Profile>>()(version.state, true);
  }
  for await (const version of byInitial.watch()) {
    if (version.deleted) expectType<Deleted>()(version, true);
    else expectType<Profile>()(version.state, true);
  }

  // Writing.
  expectType<number>()(await byInitial.save(initial()), true);
  expectType<Versioned<Profile>>()(await byInitial.update((draft) => void draft.tags.push('x')), true);
  await byInitial.update((draft) => ({ ...draft, name: 'x' }));
  // @ts-expect-error not a Profile
  await byInitial.save({ name: 'x' });
  // @ts-expect-error not a Profile
  await byInitial.update(() => 5);
  // @ts-expect-error a recipe is synchronous
  await byInitial.update(async (draft) => draft);
  // @ts-expect-error not a version
  await byInitial.save(initial(), { expected: 'none' });
  await byInitial.save(initial(), { expected: versioned });
  await byInitial.save(initial(), { expected: versioned.head ?? 0 });

  // Each draft of a transaction has the type of its agent, and so has each result.
  const counter = store.agent<{ n: number }>('n');
  const [one, other] = await store.transact([byInitial, counter], (profile, count) => {
    expectType<Profile>()(profile, true);
    expectType<{ n: number }>()(count, true);
  });
  expectType<Versioned<Profile>>()(one, true);
  expectType<Versioned<{ n: number }>>()(other, true);
  // @ts-expect-error not an agent
  await store.transact([5], () => undefined);

  // @ts-expect-error a wrapper is no agent of the store
  await store.transact([new CachedAgent(counter)], () => undefined);

  expectType<number>()(await store.fork('k', 'l'), true);
}

/** Code about any agent is told the state, not its read-only form, by every kind of agent. */
export async function generic(store: Store): Promise<void> {
  const loaded = async <S>(agent: DataAgent<S>): Promise<S> => agent.load();
  const loadedByHandle = async <S>(agent: StateAgent<S>): Promise<S> => agent.load();
  const loadedByWrapper = async <S>(agent: ForwardingAgent<S>): Promise<S> => agent.load();
  const frozen = async <S>(agent: DataAgent<S>): Promise<DeepReadonly<S>> => agent.load({ frozen: true });
  const volatile = new VolatileAgent<Profile>();
  const wrapped = new CachedAgent(volatile);
  expectType<Profile>()(await loaded(volatile), true);
  expectType<Profile>()(await loaded(store.agent('k', { initial })), true);
  expectType<Profile>()(await loaded(wrapped), true);
  expectType<Profile>()(await loaded(focusOn(new VolatileAgent<{ profile: Profile }>(), ['profile'])), true);
  expectType<Profile>()(await loaded(asDataAgent), true);
  expectType<Profile>()(await loadedByHandle(volatile), true);
  expectType<Profile>()(await loadedByWrapper(wrapped), true);
  expectType<string[]>()(await loaded(new VolatileAgent<string[]>()), true);
  expectType<Profile | string[] | null>()(await loaded(new VolatileAgent<Profile | string[] | null>()), true);
  expectType<DeepReadonly<Profile>>()(await frozen(volatile), true);
}

interface Nested {
  list: string[][];
  pair: [number, string[]];
  maybe: string[] | null;
  byName?: Map<string, Date[]>;
}

interface FrozenNested {
  readonly list: readonly (readonly string[])[];
  readonly pair: readonly [number, readonly string[]];
  readonly maybe: readonly string[] | null;
  readonly byName?: ReadonlyMap<string, readonly Date[]>;
}

// What is frozen keeps its lists and tuples.
export const frozenThere = (state: DeepReadonly<Nested>): FrozenNested => state;
export const frozenBack = (state: FrozenNested): DeepReadonly<Nested> => state;

// Every agent is a DataAgent of its state.
export const asDataAgent: DataAgent<Profile> = new VolatileAgent<Profile>();
