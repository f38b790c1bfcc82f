/** How small patches are, for what agents do to a conversation: as a save of a fresh copy, and as an update of a draft. */
import { create } from 'mutative';
import { Codec } from '../codec/codec.js';
import { diff } from './diff.js';

const codec = new Codec();

interface Message {
  id: number;
  role: string;
  content: string;
  tags?: string[];
}

const message = (id: number): Message => ({
  id,
  role: id % 2 === 0 ? 'user' : 'assistant',
  content: `${id}: `.padEnd(200, 'so be it. '),
});
const conversation = (count: number) => Array.from({ length: count }, (_, id) => message(id));
const state = () => ({
  title: 'A talk',
  deep: { a: { b: { c: [{ d: 1 }, { d: 2 }] } } },
  counters: new Map(Array.from({ length: 500 }, (_, id) => [`counter ${id}`, id])),
  seen: new Set(Array.from({ length: 500 }, (_, id) => `seen ${id}`)),
  messages: conversation(1000),
  window: conversation(50),
});
type State = ReturnType<typeof state>;

const { value, traits } = codec.copy(state());
const base = { value, traits, bytes: Buffer.byteLength(JSON.stringify(codec.encode(value))) };

/** What is done, into how many operations, and how many bytes at most. */
const edits: [what: string, edit: (state: State) => void, ops: number, maxBytes: number][] = [
  ['append', (s) => s.messages.push(message(1000)), 1, 300],
  ['append three', (s) => s.messages.push(message(1000), message(1001), message(1002)), 3, 900],
  ['prepend', (s) => s.messages.unshift(message(1000)), 1, 300],
  ['insert in the middle', (s) => s.messages.splice(500, 0, message(1000)), 1, 300],
  ['delete in the middle', (s) => s.messages.splice(500, 1), 1, 45],
  ['edit the content of one', (s) => (s.messages[500]!.content = 'short'), 1, 70],
  [
    'edit two that are far apart',
    (s) => (s.messages[3]!.content = s.messages[990]!.content = 'short'),
    2,
    140,
  ],
  [
    'edit one and append one',
    (s) => s.messages.push(message(1000)) && Object.assign(s.messages[3]!, { content: 'short' }),
    2,
    370,
  ],
  ['shift', (s) => s.messages.shift(), 1, 40],
  ['pop', (s) => s.messages.pop(), 1, 45],
  ['slide a window of 1,000', (s) => s.messages.push(message(1000)) && s.messages.shift(), 2, 340],
  ['slide a window of 50', (s) => s.window.push(message(1000)) && s.window.shift(), 2, 340],
  [
    'slide a window of 50 by ten',
    (s) => s.window.push(...conversation(60).slice(50)) && s.window.splice(0, 10),
    20,
    3200,
  ],
  ['move one to the front', (s) => s.messages.unshift(...s.messages.splice(700, 1)), 1, 65],
  ['move one to the end', (s) => s.messages.push(...s.messages.splice(300, 1)), 1, 65],
  ['move the first to the end', (s) => s.messages.push(s.messages.shift()!), 1, 65],
  ['swap two', (s) => ([s.messages[10], s.messages[20]] = [s.messages[20]!, s.messages[10]!]), 2, 600],
  ['change a deep field', (s) => (s.deep.a.b.c[1]!.d = 3), 1, 60],
  ['add a field to one', (s) => (s.messages[500]!.tags = ['x']), 1, 65],
  ['set an entry of a Map', (s) => s.counters.set('counter 250', -1), 1, 65],
  ['add an entry to a Map', (s) => s.counters.set('new', 1), 1, 65],
  ['delete an entry of a Map', (s) => s.counters.delete('counter 250'), 1, 50],
  [
    'touch an entry of a Map used as LRU',
    (s) => s.counters.delete('counter 250') && s.counters.set('counter 250', 250),
    1,
    75,
  ],
  ['add to a Set', (s) => s.seen.add('new'), 1, 55],
  ['delete from a Set', (s) => s.seen.delete('seen 250'), 1, 45],
  [
    'touch a key of an object',
    (s) => {
      const { title } = s;
      delete (s as Partial<State>).title;
      s.title = title;
    },
    2,
    90,
  ],
  ['reverse', (s) => s.messages.reverse(), 1, 260_000],
  ['sort', (s) => s.messages.sort((a, b) => ((a.id * 7919) % 1000) - ((b.id * 7919) % 1000)), 1, 260_000],
  ['filter half', (s) => (s.messages = s.messages.filter(({ role }) => role === 'user')), 500, 20_000],
  ['filter half away', (s) => s.messages.splice(0, 500), 500, 20_000],
  ['copy every message', (s) => (s.messages = s.messages.map((one) => ({ ...one }))), 0, 2],
  [
    'copy every message and drop some',
    (s) => (s.messages = s.messages.map((one) => ({ ...one })).filter(({ id }) => id % 400 !== 3)),
    3,
    130,
  ],
];

const check = (change: ReturnType<typeof diff>, ops: number, maxBytes: number) => {
  expect(change.ops?.length).toBe(ops);
  expect(change.patchBytes).toBeLessThanOrEqual(maxBytes);
};

describe.each(edits)('%s', (_, edit, ops, maxBytes) => {
  test(`is ${ops} operations as a save of a copy`, () => {
    const next = codec.clone(value) as State;
    edit(next);
    const own = codec.copy(next);
    check(diff(codec, base, own.value, { owned: own.traits }), ops, maxBytes);
  });

  test(`is ${ops} operations as an update of a draft`, () => {
    const next = create(value as State, (draft) => void edit(draft));
    check(diff(codec, base, next, {}), ops, maxBytes);
  });
});

test.each(['reverse', 'sort'])('a patch for a %s of all there is weighs more than the state', (what) => {
  const only = codec.copy(conversation(1000).map(({ id, content }) => ({ id: (id * 7919) % 1000, content })));
  const known = { ...only, bytes: Buffer.byteLength(JSON.stringify(only.value)) };
  const change = (list: Message[]) => (what === 'sort' ? list.sort((a, b) => a.id - b.id) : list.reverse());
  const next = codec.clone(only.value) as Message[];
  change(next);
  const draft = create(only.value as Message[], (list) => void change(list));
  expect(diff(codec, known, next, { owned: 0 }).patchBytes).toBeGreaterThan(known.bytes);
  expect(diff(codec, known, draft, {}).patchBytes).toBeGreaterThan(known.bytes);
});

test('what is shared stays shared: an append leaves every other part the very same', () => {
  const before = value as State;
  for (const next of [
    create(before, (draft) => void draft.messages.push(message(1000))),
    codec.copy({ ...state(), messages: conversation(1001) }),
  ]) {
    const owned = 'traits' in next ? { owned: next.traits as number } : {};
    const after = diff(codec, base, 'traits' in next ? next.value : next, owned).next as State;
    expect(after.messages.slice(0, 1000).every((one, at) => one === before.messages[at])).toBe(true);
    expect([after.deep, after.counters, after.seen, after.window]).toEqual([
      before.deep,
      before.counters,
      before.seen,
      before.window,
    ]);
    expect(after.deep).toBe(before.deep);
    expect(after.counters).toBe(before.counters);
  }
});
