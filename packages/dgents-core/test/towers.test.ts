/** Wrappers in every order around one agent: what goes in on top is what the store has, and errors come through whole. */
import { CachedAgent } from '../src/cached/index.js';
import { EntropyConstrainedAgent } from '../src/entropy/index.js';
import { type DataAgent, memoryBackend, type StateAgent, Store } from '../src/index.js';
import { LensAgent, whole } from '../src/lens/index.js';
import { TracedAgent } from '../src/opentelemetry/index.js';
import { compress, encrypt } from '../src/transforms/index.js';
import { LentAgent } from '../src/wrapper/index.js';
import { failureOf } from './places.js';

interface Notes {
  notes: string[];
}

type Wrap = (inner: DataAgent<Notes>) => DataAgent<Notes>;

const WRAPS = {
  cache: (inner) => new CachedAgent<Notes>(inner, { maxAgeMs: 0 }),
  budget: (inner) => new EntropyConstrainedAgent<Notes>(inner, { maxBytes: 200 }),
  trace: (inner) => new TracedAgent<Notes>(inner),
  loan: (inner) => new LentAgent<Notes>(inner),
  lens: (inner) => new LensAgent<Notes, Notes>(inner, whole<Notes>()),
} satisfies Record<string, Wrap>;

type Name = keyof typeof WRAPS;

function orders(names: readonly Name[]): Name[][] {
  if (names.length < 2) return [[...names]];
  return names.flatMap((first) =>
    orders(names.filter((name) => name !== first)).map((rest) => [first, ...rest]),
  );
}

const ALL = orders(Object.keys(WRAPS) as Name[]);

const transforms = [
  compress(),
  encrypt({ keys: [{ id: 'k', key: Buffer.from('a key of thirty-two bytes, test.') }] }),
];

let store: Store;
let inmost: StateAgent<Notes>;
beforeEach(() => {
  store = new Store(memoryBackend());
  inmost = store.agent<Notes>('tower', { initial: () => ({ notes: [] }), transforms });
});
afterEach(() => store.close());

/** The last one named is the outermost. */
function tower(names: readonly Name[]): DataAgent<Notes> {
  return names.reduce<DataAgent<Notes>>((inner, name) => WRAPS[name](inner), inmost);
}

test('there are 120 orders of five wrappers', () => expect(new Set(ALL.map(String)).size).toBe(120));

test.each(ALL)('%s, %s, %s, %s, %s', async (...names) => {
  const agent = tower(names);
  const other = store.agent<Notes>('tower', { transforms });
  expect(await agent.ready()).toMatchObject({ backend: 'memory', conflicts: 'immediate' });
  expect(agent.capabilities.weighs).toBe(!names.includes('lens'));
  expect(await agent.load()).toEqual({ notes: [] });

  expect(await agent.save({ notes: ['a'] })).toBe(1);
  const pushed = await agent.update((draft) => void draft.notes.push('b'), {
    operationId: 'op-1',
    meta: { by: 'tower' },
  });
  expect(pushed).toMatchObject({ version: 2, state: { notes: ['a', 'b'] }, head: { id: 'op-1' } });
  expect(await other.read()).toMatchObject({
    version: 2,
    state: { notes: ['a', 'b'] },
    meta: { by: 'tower' },
  });
  await agent.update((draft) => void draft.notes.push('b'), { operationId: 'op-1' });
  expect((await other.read()).version).toBe(2);

  await other.update((draft) => void draft.notes.push('c'));
  expect(await failureOf(agent.save({ notes: ['mine'] }))).toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
  expect(await agent.load({ frozen: true })).toEqual({ notes: ['a', 'b', 'c'] });
  expect(await agent.save({ notes: ['mine'] })).toBe(4);
  expect(await agent.history()).toEqual([
    { notes: ['a', 'b', 'c'] },
    { notes: ['a', 'b'] },
    { notes: ['a'] },
  ]);
  expect(await agent.load({ at: 2 })).toEqual({ notes: ['a', 'b'] });

  const heavy = await failureOf(agent.update((draft) => void draft.notes.push('x'.repeat(200))));
  expect(heavy).toMatchObject({ code: 'DGENTS_ENTROPY_BUDGET_EXCEEDED', bytes: 221, limitBytes: 200 });
  expect(await failureOf(agent.update(() => Promise.reject(heavy) as never))).toBeInstanceOf(TypeError);

  const seen: unknown[] = [];
  for await (const item of agent.watch()) {
    seen.push(item.deleted ? 'deleted' : item.state);
    if (seen.length === 2) break;
    await other.update((draft) => void draft.notes.push('d'));
  }
  expect(seen).toEqual([{ notes: ['mine'] }, { notes: ['mine', 'd'] }]);

  const watch = agent.watch()[Symbol.asyncIterator]();
  await watch.next();
  const pending = watch.next();
  await watch.return?.();
  expect(await pending).toEqual({ done: true, value: undefined });

  await agent.close();
  expect(await failureOf(agent.load())).toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  const isOpen = names.includes('loan') || names.includes('lens');
  const after = inmost.load().then(
    () => 'open',
    () => 'closed',
  );
  expect(await after).toBe(isOpen ? 'open' : 'closed');
});
