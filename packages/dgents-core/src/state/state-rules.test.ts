/** What wrappers know of the states inside without being told. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { stranger } from '../../test/stranger.js';
import { CachedAgent, LostWritesError } from '../cached/index.js';
import { Codec } from '../codec/codec.js';
import type { DataAgent } from '../data-agent.js';
import { EntropyConstrainedAgent } from '../entropy/index.js';
import { StateValidationError } from '../errors.js';
import { focusOn, LensAgent, whole } from '../lens/index.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { TracedAgent } from '../opentelemetry/index.js';
import { Store } from '../store.js';
import { ForwardingAgent, LentAgent } from '../wrapper/index.js';
import { type StateRules, stateRulesOf } from './state-rules.js';

class Point {
  constructor(readonly x: number) {}
}

interface Note {
  text: string;
  at: Point;
}

const schema: StandardSchemaV1<unknown, Note> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      (value as Note).text === '' ? { issues: [{ message: 'empty' }] } : { value: value as Note },
  },
};
const codec = new Codec({ classes: [{ name: 'Point', type: Point }] });
const note = (text: string, x = 1): Note => ({ text, at: new Point(x) });

class Own extends ForwardingAgent<Note> {}

type Wrap = (inner: DataAgent<Note>) => DataAgent<Note>;

const SAME: Record<string, Wrap> = {
  nothing: (inner) => inner,
  'a cache': (inner) => new CachedAgent(inner),
  'a cache that writes later': (inner) => new CachedAgent(inner, { mode: 'write-behind' }),
  'a budget': (inner) => new EntropyConstrainedAgent(inner),
  'a child’s budget': (inner) => new EntropyConstrainedAgent(inner).child(),
  'a trace': (inner) => new TracedAgent(inner),
  'a loan': (inner) => new LentAgent(inner),
};
const OTHER: Record<string, Wrap> = {
  'a wrapper of somebody': (inner) => new Own(inner),
  'a lens': (inner) => new LensAgent(inner, whole<Note>()),
};

let store: Store;
beforeEach(() => {
  store = new Store(memoryBackend());
});
afterEach(() => store.close());

const open = (key = 'note') => store.agent<Note>(key, { schema, codec, initial: () => note('begun') });
const behind = (inner: DataAgent<Note>, options: { codec?: Codec } = {}) =>
  new CachedAgent(inner, { mode: 'write-behind', flushMs: Infinity, onError: () => undefined, ...options });

test.each(Object.entries(SAME))('%s shows the codec and the schema of the agent inside', (_, wrap) => {
  expect(stateRulesOf(wrap(open()))).toEqual({ codec, schema } satisfies StateRules);
  for (const again of Object.values(SAME)) {
    const rules = stateRulesOf(again(wrap(open())));
    expect([rules.codec === codec, rules.schema === schema]).toEqual([true, true]);
  }
  expect(stateRulesOf(wrap(store.agent<Note>('without'))).schema).toBeNull();
});

test.each(Object.entries(OTHER))('%s shows the codec, and of the schema nothing', (_, wrap) => {
  for (const again of Object.values(SAME)) {
    const rules = stateRulesOf(again(wrap(open())));
    expect([rules.codec === codec, rules.schema]).toEqual([true, undefined]);
  }
});

test('of an agent of somebody else nothing is known', () => {
  for (const wrap of [...Object.values(SAME), ...Object.values(OTHER)]) {
    const rules = stateRulesOf(wrap(stranger(open())));
    expect([rules.codec === codec, rules.schema]).toEqual([false, undefined]);
  }
});

test('what is told counts more', async () => {
  const other = new Codec({ maxBytes: 10 });
  for (const wrapper of [
    new CachedAgent(open(), { codec: other }),
    new EntropyConstrainedAgent(open(), { codec: other }),
    new LensAgent(open(), whole<Note>(), { codec: other }),
  ]) {
    expect(stateRulesOf(wrapper).codec).toBe(other);
  }
  await expect(behind(open(), { codec: other }).save(note('long enough'))).rejects.toThrow();
  const stricter: typeof schema = {
    '~standard': { ...schema['~standard'], validate: () => ({ issues: [{ message: 'never' }] }) },
  };
  const agent = new CachedAgent(open(), { mode: 'write-behind', schema: stricter });
  expect(stateRulesOf(agent).schema).toBe(stricter);
  await expect(agent.save(note('valid inside'))).rejects.toThrow('never');
});

test.each(Object.entries(SAME))(
  'a cache that writes later around %s refuses at once what the schema refuses',
  async (_, wrap) => {
    const agent = behind(wrap(open()));
    await expect(agent.save(note(''))).rejects.toBeInstanceOf(StateValidationError);
    await expect(agent.update(() => note(''))).rejects.toBeInstanceOf(StateValidationError);
    expect(agent.stats.pending).toBe(0);
    expect(await agent.save(note('valid', 2))).toBe(1);
    expect((await agent.load()).at).toEqual(new Point(2));
    await agent.close();
    expect(await open().load()).toEqual(note('valid', 2));
  },
);

test.each(Object.entries(OTHER))('around %s it is lost when it is stored', async (_, wrap) => {
  const agent = behind(wrap(open()));
  await agent.save(note(''));
  await expect(agent.flush()).rejects.toBeInstanceOf(LostWritesError);
  await agent.close();
});

test.each<[string, boolean, Wrap]>([
  ['is held where it is sure to be what was acknowledged', true, (agent) => agent],
  ['is asked for where something may have completed it', false, (agent) => new Own(agent)],
])('after a flush the state %s', async (_, isHeld, wrap) => {
  const agent = behind(wrap(store.agent<Note>('without', { codec })));
  await agent.save(note('kept'));
  await agent.flush();
  const { misses } = agent.stats;
  expect(await agent.load()).toEqual(note('kept'));
  expect(agent.stats.misses - misses).toBe(isHeld ? 0 : 1);
  await agent.close();
});

test('instances in a part come through a lens, and what is around it', async () => {
  const at = new EntropyConstrainedAgent(new CachedAgent(focusOn(open(), ['at'])), { maxBytes: 1000 });
  expect(await at.save(new Point(3))).toBe(1);
  expect((await at.update((point) => new Point(point.x + 1))).state).toEqual(new Point(4));
  expect(await at.load()).toBeInstanceOf(Point);
  await at.close();
  const unknown = focusOn(stranger(open()), ['at']);
  await expect(unknown.save(new Point(5))).rejects.toMatchObject({ code: 'DGENTS_STATE_SERIALIZATION' });
});

test('a wrapper goes around agents only', () => {
  for (const wrong of [undefined, null, {}, 5]) {
    expect(() => new LensAgent(wrong as unknown as DataAgent<Note>, whole<Note>())).toThrow(
      /goes around an agent/,
    );
  }
});
