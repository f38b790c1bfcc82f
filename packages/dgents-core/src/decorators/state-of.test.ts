import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  type DgentsError,
  memoryBackend,
  PersistentAgent,
  StateValidationError,
  Store,
  VolatileAgent,
} from '../index.js';
import {
  anything,
  classCodecs,
  Field,
  json,
  mapOf,
  oneOf,
  recordOf,
  State,
  setOf,
  stateOf,
} from './index.js';

@State({ name: 'message' })
class Message {
  @Field(() => oneOf('user', 'assistant')) role: 'user' | 'assistant' = 'user';
  @Field(() => String) text: string;
  @Field(() => Date, { optional: true }) at?: Date;

  constructor(text: string) {
    this.text = text;
  }

  shout(): void {
    this.text = this.text.toUpperCase();
  }
}

@State({ name: 'tool' })
class Tool {
  @Field(() => String) name = '';
}

@State({ name: 'search' })
class Search extends Tool {
  @Field(() => [String]) hosts: string[] = [];

  get first(): string | undefined {
    return this.hosts[0];
  }
}

let constructed = 0;

@State({ name: 'chat' })
class Chat {
  @Field(() => [Message], { name: 'm' }) messages: Message[] = [];
  @Field(() => mapOf(String, Tool)) tools = new Map<string, Tool>();
  @Field(() => setOf(String)) tags = new Set<string>();
  @Field(() => recordOf(Number)) counts: Record<string, number> = {};
  @Field(() => oneOf(Message, null)) pinned: Message | null = null;
  @Field(() => BigInt) tokens = 0n;
  @Field(() => Uint8Array) seal = new Uint8Array();
  @Field(() => json) input: unknown = null;
  @Field(() => anything) scratch: unknown = 0;
  @Field(() => Chat, { optional: true }) parent?: Chat;
  @Field(() => [Chat]) children: Chat[] = [];

  constructor() {
    constructed += 1;
  }

  say(text: string): Message {
    const message = new Message(text);
    this.messages.push(message);
    return message;
  }

  get length(): number {
    return this.messages.length;
  }
}

const chat = stateOf(Chat, { initial: () => new Chat(), classes: [Search] });

async function rejection(promise: Promise<unknown>): Promise<DgentsError> {
  return promise.then(
    () => {
      throw new TypeError('It did not reject.');
    },
    (error) => error,
  );
}

function fullChat(): Chat {
  const full = new Chat();
  full.say('hello').at = new Date(5);
  full.say('there').role = 'assistant';
  const search = new Search();
  search.name = 'search';
  search.hosts.push('example.org');
  full.tools.set('s', search).set('t', new Tool());
  full.tags.add('a');
  full.counts.hits = 3;
  full.pinned = new Message('pinned');
  full.tokens = 12n;
  full.seal = new Uint8Array([1, 2]);
  full.input = { a: [1, null, 'x'] };
  full.scratch = new Map([[new Message('key'), new Date(1)]]);
  full.parent = new Chat();
  full.children = [new Chat()];
  return full;
}

describe.each(['memory, values', 'memory, text', 'file'])('a class as a state: %s', (kind) => {
  let folder: string;
  let store: Store | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dgents-classes-'));
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    await rm(folder, { recursive: true });
  });

  const open = () => {
    if (kind === 'file') return new PersistentAgent({ path: join(folder, 'chat.jsonl'), ...chat });
    store = new Store(memoryBackend({ values: kind === 'memory, values' }));
    return store.agent('chat', chat);
  };

  test('instances come back as instances, all the way down', async () => {
    const agent = open();
    const saved = fullChat();
    await agent.save(saved);
    const loaded = await agent.load();
    expect(loaded).toBeInstanceOf(Chat);
    expect(loaded).toEqual(saved);
    expect(loaded).not.toBe(saved);
    expect(loaded.length).toBe(2);
    expect(loaded.messages[0]).toBeInstanceOf(Message);
    expect(loaded.messages[0]?.at).toEqual(new Date(5));
    expect(loaded.tools.get('s')).toBeInstanceOf(Search);
    expect((loaded.tools.get('s') as Search).first).toBe('example.org');
    expect(Object.getPrototypeOf(loaded.tools.get('t'))).toBe(Tool.prototype);
    expect(loaded.parent).toBeInstanceOf(Chat);
    expect(loaded.children[0]).toBeInstanceOf(Chat);
    expect([...(loaded.scratch as Map<unknown, unknown>).keys()][0]).toBeInstanceOf(Message);
    await agent.close();
  });

  test('methods work in an update, and what they change is found', async () => {
    const agent = open();
    await agent.save(fullChat());
    const { state, version } = await agent.update((draft) => {
      expect(draft).toBeInstanceOf(Chat);
      draft.say('more').shout();
      draft.messages[0]?.shout();
      (draft.tools.get('s') as Search).hosts.push('example.com');
    });
    expect(version).toBe(2);
    expect(state.messages.map(({ text }) => text)).toEqual(['HELLO', 'there', 'MORE']);
    const loaded = await agent.load();
    expect(loaded).toEqual(state);
    expect((loaded.tools.get('s') as Search).hosts).toEqual(['example.org', 'example.com']);
    expect((await agent.load({ at: 1 })).length).toBe(2);
    expect((await agent.history()).map((each) => [each instanceof Chat, each.length])).toEqual([[true, 2]]);
    await agent.close();
  });

  test('the first update works on `initial`', async () => {
    const agent = open();
    await agent.update((draft) => void draft.say('hi'));
    expect((await agent.load()).messages[0]?.text).toBe('hi');
    await agent.close();
  });

  test('no constructor runs on load', async () => {
    const agent = open();
    await agent.save(fullChat());
    constructed = 0;
    await agent.load();
    expect(constructed).toBe(0);
    await agent.close();
  });
});

describe('what is written', () => {
  test('a push into a list of a large instance is a small patch, also when the class renames the field', async () => {
    const backend = memoryBackend({ values: false });
    const store = new Store(backend);
    const agent = store.agent('chat', chat);
    const large = new Chat();
    for (let i = 0; i < 500; i += 1) large.say(`message ${i}, of some length`);
    await agent.save(large);
    await agent.update((draft) => void draft.say('one more'));
    await agent.update((draft) => draft.messages[7]?.shout());
    const loaded = await agent.load();
    loaded.counts.saved = 1;
    await agent.save(loaded);
    const patches: unknown[] = [];
    for await (const { kind, data } of backend.range('chat'))
      if (kind === 'patch') patches.push(JSON.parse(data as string));
    expect(patches).toEqual([
      [
        {
          op: 'add',
          path: '/$class/1/m/500',
          value: { $class: ['message', { role: 'user', text: 'one more' }] },
        },
      ],
      [{ op: 'replace', path: '/$class/1/m/7/$class/1/text', value: 'MESSAGE 7, OF SOME LENGTH' }],
      [{ op: 'add', path: '/$class/1/counts/saved', value: 1 }],
    ]);
    await store.close();
  });

  test('fields by their stored names in the order of the class, and no optional ones that are undefined', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dgents-classes-'));
    const path = join(folder, 'search.json');
    const agent = new PersistentAgent({ path, format: 'json', ...stateOf(Message) });
    const message = new Message('x');
    Object.assign(message, { at: undefined });
    await agent.save(message);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      $class: ['message', { role: 'user', text: 'x' }],
    });
    await agent.close();
    await rm(folder, { recursive: true });
  });
});

describe('what is refused', () => {
  let agent: VolatileAgent<Chat>;
  beforeEach(() => {
    agent = new VolatileAgent(chat);
  });
  afterEach(() => agent.close());

  const cases: [string, (draft: Chat) => unknown, PropertyKey[], RegExp][] = [
    ['a value of another type', (d) => Object.assign(d.messages[0]!, { text: 5 }), ['messages', 0, 'text'], /expected a string, got a number/],
    ['a literal that is not listed', (d) => Object.assign(d.messages[0]!, { role: 'root' }), ['messages', 0, 'role'], /expected "user" or "assistant", got a string/],
    ['null where none is allowed', (d) => Object.assign(d, { tags: null }), ['tags'], /expected a Set, got null/],
    ['a missing field', (d) => void delete (d as Partial<Chat>).tokens, ['tokens'], /missing/],
    ['undefined in a field that is not optional', (d) => Object.assign(d, { tokens: undefined }), ['tokens'], /expected a bigint, got undefined/],
    ['a field that is not declared', (d) => Object.assign(d, { extra: 1 }), ['extra'], /not a field of Chat/],
    ['a field under its stored name', (d) => Object.assign(d, { m: [] }), ['m'], /not a field of Chat/],
    ['a plain object in place of an instance', (d) => void d.messages.push({ role: 'user', text: '' } as never), ['messages', 2], /expected an instance of Message, got a plain object/],
    ['an instance of another class', (d) => void d.messages.push(new Tool() as never), ['messages', 2], /got an instance of Tool/],
    ['what is in a Map', (d) => void d.tools.set('k', 1 as never), ['tools', 'k'], /expected an instance of Tool/],
    ['a key of a Map', (d) => void d.tools.set(7 as never, new Tool()), ['tools', 7], /expected a string/],
    ['what is in a Set', (d) => void d.tags.add(1 as never), ['tags', 1], /expected a string/],
    ['what is in a record', (d) => Object.assign(d.counts, { x: 'y' }), ['counts', 'x'], /expected a number/],
    ['no JSON', (d) => Object.assign(d, { input: { a: [new Date()] } }), ['input', 'a', 0], /expected plain JSON, got an instance of Date/],
    ['bytes of another kind', (d) => Object.assign(d, { seal: new Uint16Array() }), ['seal'], /expected Uint8Array, got an instance of Uint16Array/],
    ['a list with holes', (d) => Object.assign(d, { children: Array(4e9) }), ['children'], /got a list with holes/],
    ['below an instance of a subclass', (d) => Object.assign(d.tools.get('s')!, { hosts: [1] }), ['tools', 's', 'hosts', 0], /expected a string/],
  ]; // biome-ignore format: a list

  test.each(cases)('%s, in a save and in an update', async (_, spoil, path, message) => {
    const spoilt = fullChat();
    spoil(spoilt);
    await agent.save(fullChat());
    for (const write of [agent.save(spoilt), agent.update((draft) => void spoil(draft))]) {
      const error = (await rejection(write)) as StateValidationError;
      expect(error).toBeInstanceOf(StateValidationError);
      expect(error.issues).toEqual([{ path, message: expect.stringMatching(message) }]);
    }
    expect((await agent.read()).version).toBe(1);
  });

  test('all issues are told at once', async () => {
    const spoilt = Object.assign(fullChat(), { tokens: 1, tags: 1, other: 1 });
    const error = (await rejection(agent.save(spoilt as never))) as StateValidationError;
    expect(error.issues.map(({ path }) => path.join('.'))).toEqual(['tags', 'tokens', 'other']);
  });

  test('an instance of a subclass that was not listed', async () => {
    const unlisted = new VolatileAgent(stateOf(Chat));
    const error = await rejection(unlisted.save(fullChat()));
    expect(error).toBeInstanceOf(StateValidationError);
    expect(error.message).toMatch(
      /tools\.s: expected an instance of Tool, got an instance of Search, which is not among/,
    );
    await unlisted.close();
  });

  test('another state than the class', async () => {
    for (const state of [{}, null, 5, new Message('')]) {
      const error = await rejection(agent.save(state as never));
      expect(error.message).toMatch(/expected an instance of Chat/);
    }
  });

  test('accessors, symbols and hidden properties of an instance: nothing is left out', async () => {
    const accessor = new Message('x');
    Object.defineProperty(accessor, 'text', { get: () => 'y', enumerable: true });
    const setter = new Message('x');
    Object.defineProperty(setter, 'at', { set: () => undefined, enumerable: true });
    const hidden = new Message('x');
    Object.defineProperty(hidden, 'text', { enumerable: false });
    const symbol = Object.assign(new Message('x'), { [Symbol('s')]: 1 });
    const messages = new VolatileAgent(stateOf(Message));
    for (const each of [accessor, setter, hidden, symbol]) {
      const error = await rejection(messages.save(each));
      expect(error.code).toMatch(/DGENTS_STATE_(VALIDATION|SERIALIZATION)/);
    }
    // Without the schema the codec refuses them.
    const bare = new VolatileAgent<unknown>({ codec: { classes: classCodecs(Message) } });
    for (const each of [accessor, setter, hidden, symbol]) {
      expect((await rejection(bare.save({ each }))).code).toBe('DGENTS_STATE_SERIALIZATION');
    }
    await messages.close();
    await bare.close();
  });

  test('cycles, with the path', async () => {
    const cyclic = new Chat();
    const child = new Chat();
    child.parent = cyclic;
    cyclic.children.push(child);
    const error = await rejection(agent.save(cyclic));
    expect(error.code).toBe('DGENTS_STATE_SERIALIZATION');
    expect(error.message).toMatch(/\$\.children\[0\]\.parent: a cycle, it leads back to \$/);
  });

  test('a bomb of shared references is looked into once', async () => {
    let bomb: Chat = new Chat();
    for (let i = 0; i < 60; i += 1) {
      const outer = new Chat();
      outer.children = [bomb, bomb];
      bomb = outer;
    }
    expect((await rejection(agent.save(bomb))).code).toBe('DGENTS_STATE_TOO_LARGE');
  });
});

describe('what is stored and does not fit', () => {
  test('a field that no class has is a validation error and stays in the store', async () => {
    const backend = memoryBackend({ values: false });
    const store = new Store(backend);
    await store
      .agent<unknown>('k', { codec: { classes: [{ name: 'message', type: Message }] } })
      .save(Object.assign(new Message('x'), { old: 1 }));
    const error = await rejection(store.agent('k', stateOf(Message)).load());
    expect(error).toBeInstanceOf(StateValidationError);
    expect(error.message).toMatch(/old: not a field of Message/);
    await store.close();
  });

  test('names of data make no class and reach no prototype', async () => {
    const { codec } = stateOf(Message);
    for (const name of ['Object', 'Function', '__proto__', 'constructor', 'chat', 'message@9x', 'Message']) {
      expect(() => codec.decode({ $class: [name, {}] })).toThrow(/not listed/);
    }
    const text = '{"$class":["message",{"role":"user","text":"","$__proto__":{"x":1},"constructor":1}]}';
    const { value } = codec.read(text);
    expect(Object.getPrototypeOf(value)).toBe(Message.prototype);
    const result = stateOf(Message).schema['~standard'].validate(value) as StandardSchemaV1.FailureResult;
    expect(result.issues.map(({ path }) => path)).toEqual([['__proto__'], ['constructor']]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

test('instances in a state that has no schema, or one of its own', async () => {
  const agent = new VolatileAgent<{ list: Message[] }>({ codec: { classes: classCodecs(Message) } });
  await agent.save({ list: [new Message('a')] });
  await agent.update(({ list }) => {
    list[0]?.shout();
    list.push(new Message('b'));
  });
  const { list } = await agent.load();
  expect(list.map((each) => [each instanceof Message, each.text])).toEqual([
    [true, 'A'],
    [true, 'b'],
  ]);
  await agent.close();
});

test('a state that was a plain object becomes an instance with a migration', async () => {
  const store = new Store(memoryBackend());
  await store.agent<{ text: string }>('m').save({ text: 'old' });
  const migrations = { 1: ({ text }: { text: string }) => new Message(text) };
  const agent = store.agent('m', stateOf(Message, { schemaVersion: 2, migrations }));
  expect(await agent.load()).toBeInstanceOf(Message);
  await agent.update((draft) => draft.shout());
  expect((await agent.load()).text).toBe('OLD');
  await store.close();
});
