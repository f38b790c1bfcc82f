/** What the compiler infers from schemas, for every opener here: this file only has to compile. */
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { FileBlobStore } from '../blobs/index.js';
import { CachedAgent } from '../cached/index.js';
import type { DataAgent, StateDefinition, StateOf, Store } from '../index.js';
import {
  type AgentOptions,
  Codec,
  compress,
  defineState,
  PersistentAgent,
  type PersistentAgentOptions,
  VolatileAgent,
} from '../index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

const path = 'x.jsonl';

const byZod = z.object({
  messages: z.array(z.object({ role: z.enum(['user', 'assistant']), text: z.string() })),
  visits: z.number().default(0),
  note: z.string().optional(),
});
type Chat = z.output<typeof byZod>;
const chat = () => ({ messages: [{ role: 'user' as const, text: '' }], visits: 0 });

export async function zod(store: Store): Promise<void> {
  // Empty arrays and literals of `initial` are what the schema takes them for.
  const kept = store.agent('k', { schema: byZod, initial: () => ({ messages: [], visits: 0 }) });
  expectType<Chat>()(await kept.load(), true);
  expectType<Chat>()(
    await store
      .agent('k', {
        initial: () => ({ messages: [{ role: 'user', text: 'Hello' }], visits: 1 }),
        schema: byZod,
        schemaVersion: 2,
        migrations: { 1: (state: { messages: string[] }) => state },
      })
      .load(),
    true,
  );
  const volatile = new VolatileAgent({
    schema: byZod,
    initial: () => ({ messages: [{ role: 'assistant', text: '' }], visits: 0 }),
    retain: 'all',
  });
  expectType<Chat>()(await volatile.load(), true);
  const persistent = new PersistentAgent({
    path,
    schema: byZod,
    initial: () => ({ messages: [], visits: 0, note: 'x' }),
  });
  expectType<Chat>()(await persistent.load(), true);
  const definition = defineState({
    name: 'chat',
    schema: byZod,
    initial: () => ({ messages: [{ role: 'user', text: '' }], visits: 0 }),
  });
  const asDefinition: StateDefinition<Chat> = definition;
  expectType<Chat>()({} as StateOf<typeof definition>, true);
  expectType<Chat>()({} as StateOf<typeof asDefinition>, true);
  expectType<Chat>()(await store.agent('k', definition).load(), true);
  expectType<Chat>()(await store.agent('k', { ...definition, timeoutMs: 100 }).load(), true);
  expectType<Chat>()(await new VolatileAgent(definition).load(), true);
  expectType<Chat>()(await new PersistentAgent({ path, ...definition }).load(), true);

  // The draft of an update is the state.
  await kept.update((draft) => {
    expectType<Chat>()(draft, true);
    draft.messages.push({ role: 'user', text: '' });
    // @ts-expect-error no such role
    draft.messages.push({ role: 'system', text: '' });
  });
  // @ts-expect-error no such role
  await persistent.save({ messages: [{ role: 'system', text: '' }], visits: 0 });

  // What else a schema may be.
  const union = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('open'), due: z.date() }),
    z.object({ kind: z.literal('done'), grade: z.union([z.literal(1), z.literal(2)]) }),
  ]);
  expectType<z.output<typeof union>>()(
    await new VolatileAgent({ schema: union, initial: () => ({ kind: 'done', grade: 1 }) }).load(),
    true,
  );
  const branded = z.object({ id: z.string().brand<'Id'>() });
  expectType<z.output<typeof branded>>()(await store.agent('k', { schema: branded }).load(), true);
  const map = z.map(z.string(), z.date());
  expectType<Map<string, Date>>()(
    await new PersistentAgent({ path, schema: map, initial: () => new Map() }).load(),
    true,
  );
  const maybe = z.object({ n: z.number() }).nullable();
  expectType<{ n: number } | null>()(
    await store.agent('k', { schema: maybe, initial: () => null }).load(),
    true,
  );
  const coerced = z.object({ n: z.coerce.number() });
  expectType<{ n: number }>()(await store.agent('k', { schema: coerced }).load(), true);
}

/** The other parts of a definition, and definitions without a schema. */
export async function parts(store: Store): Promise<void> {
  const blobs = { store: new FileBlobStore('blobs'), threshold: 5 };
  const codec = new Codec();
  const whole = defineState({ name: 'w', schema: byZod, blobs, codec, transforms: [compress()] });
  expectType<FileBlobStore>()(whole.blobs.store, true);
  expectType<Codec>()(whole.codec, true);
  expectType<Chat>()(await store.agent('k', whole).load(), true);
  expectType<Chat>()(await store.agent('k', { ...whole, timeoutMs: 1 }).load(), true);
  expectType<Chat>()(await new PersistentAgent({ path, ...whole }).load(), true);
  new CachedAgent(store.agent('k', whole), {
    mode: 'write-behind',
    schema: whole.schema,
    codec: whole.codec,
  });

  const bare = defineState({ name: 'b', initial: () => ({ n: 0 }), blobs });
  expectType<{ n: number }>()({} as StateOf<typeof bare>, true);
  expectType<FileBlobStore>()(bare.blobs.store, true);
  expectType<{ n: number }>()(await store.agent('k', bare).load(), true);
  const told = defineState<Chat>({ name: 't', blobs });
  const asTold: StateDefinition<Chat> = told;
  expectType<Chat>()({} as StateOf<typeof asTold>, true);
  expectType<Chat>()({} as StateOf<typeof told>, true);
  expectType<Chat>()({} as StateOf<DataAgent<Chat>>, true);
  // @ts-expect-error a misspelt option
  defineState({ name: 'm', shema: byZod });
  // @ts-expect-error no blob store
  defineState({ name: 'm', schema: byZod, blobs: { store: 5 } });
}

const byValibot = v.object({ kind: v.picklist(['a', 'b']), list: v.optional(v.array(v.string()), []) });
type Listed = v.InferOutput<typeof byValibot>;

export async function valibot(store: Store): Promise<void> {
  const initial = () => ({ kind: 'a' as const, list: [] });
  expectType<Listed>()(
    await store.agent('k', { schema: byValibot, initial: () => ({ kind: 'a', list: [] }) }).load(),
    true,
  );
  expectType<Listed>()(
    await new VolatileAgent({ schema: byValibot, initial: () => ({ kind: 'b', list: ['x'] }) }).load(),
    true,
  );
  expectType<Listed>()(await new PersistentAgent({ path, schema: byValibot, initial }).load(), true);
  const definition = defineState({
    name: 'l',
    schema: byValibot,
    initial: () => ({ kind: 'a', list: [] }),
  });
  expectType<Listed>()({} as StateOf<typeof definition>, true);
  await store.agent('k', definition).update((draft) => {
    expectType<Listed>()(draft, true);
    draft.list.push('x');
  });
}

const byArktype = type({ kind: "'a' | 'b'", list: 'string[]', 'note?': 'string' });
type Noted = typeof byArktype.infer;

export async function arktype(store: Store): Promise<void> {
  expectType<Noted>()(
    await store.agent('k', { schema: byArktype, initial: () => ({ kind: 'a', list: [] }) }).load(),
    true,
  );
  expectType<Noted>()(
    await new VolatileAgent({ schema: byArktype, initial: () => ({ kind: 'b', list: ['x'] }) }).load(),
    true,
  );
  expectType<Noted>()(
    await new PersistentAgent({
      path,
      schema: byArktype,
      initial: () => ({ kind: 'a', list: [], note: '' }),
    }).load(),
    true,
  );
  const definition = defineState({
    name: 'n',
    schema: byArktype,
    initial: () => ({ kind: 'a', list: [] }),
  });
  expectType<Noted>()({} as StateOf<typeof definition>, true);
  await new VolatileAgent(definition).update((draft) => {
    expectType<Noted>()(draft, true);
    draft.kind = 'b';
  });
}

/** Without a schema the state is what `initial` returns, or what is told. */
export async function withoutSchema<S>(
  store: Store,
  given: AgentOptions<S>,
  file: PersistentAgentOptions<Chat>,
  first: () => S,
): Promise<void> {
  expectType<{ count: number; name: string }>()(
    await store.agent('k', { initial: () => ({ count: 0, name: '' }) }).load(),
    true,
  );
  expectType<number>()(await new VolatileAgent({ initial: () => 0 }).load(), true);
  expectType<null>()(await new VolatileAgent({ initial: () => null }).load(), true);
  expectType<unknown>()(await new VolatileAgent().load(), true);
  expectType<unknown>()(await store.agent('k').load(), true);
  expectType<unknown>()(await store.agent('k', {}).load(), true);
  expectType<string[]>()(await new VolatileAgent<string[]>({ initial: () => [] }).load(), true);
  expectType<Chat>()(await store.agent<Chat>('k', { schema: byZod, initial: chat }).load(), true);
  expectType<Chat>()(await new PersistentAgent(file).load(), true);
  // Of any state: written by those who wrap openers.
  const wrapped: DataAgent<S>[] = [
    store.agent('k', given),
    new VolatileAgent({ initial: first }),
    new PersistentAgent<S>({ path, ...given }),
  ];
  for (const agent of wrapped) await agent.load();
}

/** What the schema accepts shows in no type that users write. */
export const asDataAgent: DataAgent<Chat> = new VolatileAgent({ schema: byZod, initial: chat });
export const asItself: PersistentAgent<Chat> = new PersistentAgent({ path, schema: byZod });
export class Named extends PersistentAgent<Chat> {
  constructor() {
    super({ path, schema: byZod, initial: () => ({ messages: [], visits: 0 }) });
  }
}

export function mistakes(store: Store): void {
  // A schema that does not accept its own output.
  // @ts-expect-error a transformation
  store.agent('k', { schema: z.string().transform(Number) });
  // @ts-expect-error a transformation
  new VolatileAgent({ schema: z.object({ n: z.string().transform(Number) }) });
  // @ts-expect-error a transformation
  new PersistentAgent({ path, schema: z.codec(z.string(), z.date(), { decode: d, encode: String }) });
  // @ts-expect-error a transformation
  defineState({ name: 't', schema: z.string().transform(Number), initial: () => 1 });
  // @ts-expect-error a transformation
  store.agent('k', { schema: v.pipe(v.string(), v.transform(Number)), initial: () => 1 });
  // @ts-expect-error a transformation
  new VolatileAgent({ schema: type('string.numeric.parse') });

  // An `initial` that the schema does not describe.
  // @ts-expect-error no such role
  store.agent('k', { schema: byZod, initial: () => ({ messages: [{ role: 'x', text: '' }], visits: 0 }) });
  // @ts-expect-error it has to be whole
  new VolatileAgent({ schema: byZod, initial: () => ({ messages: [] }) });
  // @ts-expect-error no such kind
  new PersistentAgent({ path, schema: byValibot, initial: () => ({ kind: 'c', list: [] }) });
  // @ts-expect-error no such kind
  defineState({ name: 'n', schema: byArktype, initial: () => ({ kind: 'c', list: [] }) });
  // @ts-expect-error nor is it empty
  store.agent('k', { schema: byArktype, initial: () => ({}) });
  // @ts-expect-error it is not a number
  new VolatileAgent<{ n: number }>({ initial: () => ({ n: 'x' }) });
  // @ts-expect-error the schema describes another state
  store.agent<{ n: string }>('k', { schema: z.object({ n: z.number() }) });
}

function d(text: string): Date {
  return new Date(text);
}
