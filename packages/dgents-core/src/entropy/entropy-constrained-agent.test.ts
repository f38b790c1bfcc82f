import { failureOf } from '../../test/places.js';
import type { DataAgent, SaveOptions, UpdateOptions } from '../data-agent.js';
import { EntropyBudgetExceededError } from '../errors.js';
import { focusOn } from '../lens/index.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { ForwardingAgent, LentAgent } from '../wrapper/index.js';
import { EntropyConstrainedAgent, perDepth } from './index.js';

interface Notes {
  notes: string[];
}

const initial = (): Notes => ({ notes: [] });

/** One that knows nothing of weighing, as an agent of somebody else may. */
class Unweighed<S> extends ForwardingAgent<S> {
  override get capabilities() {
    return { ...super.capabilities, weighs: false };
  }
  override save(state: S, options?: SaveOptions) {
    if (options?.weigh !== undefined) throw new TypeError('who is asked to weigh here?');
    return super.save(state, options);
  }
  override update(change: (draft: S) => S | void, options?: UpdateOptions) {
    if (options?.weigh !== undefined) throw new TypeError('who is asked to weigh here?');
    return super.update(change, options);
  }
}

let store: Store;
beforeEach(() => {
  store = new Store(memoryBackend({ values: false }));
});
afterEach(() => store.close());

describe.each([
  ['weighed by the engine', (agent: DataAgent<Notes>) => agent],
  ['weighed by the wrapper', (agent: DataAgent<Notes>) => new Unweighed<Notes>(agent)],
])('a state, %s', (_, around) => {
  const open = (options = {}) =>
    new EntropyConstrainedAgent(around(store.agent<Notes>('notes', { initial })), {
      maxBytes: 100,
      ...options,
    });
  /** A state of exactly so many bytes in UTF-8. */
  const weighing = (bytes: number, letter = 'x'): Notes => {
    const frame = Buffer.byteLength(JSON.stringify({ notes: [''] }));
    return { notes: [letter.repeat((bytes - frame) / Buffer.byteLength(letter))] };
  };

  test('may weigh floor(maxBytes × budget) bytes in UTF-8, and not one more', async () => {
    const agent = open({ budget: 0.339 });
    expect(agent.limitBytes).toBe(33);
    for (const letter of ['x', 'é']) {
      const most = letter === 'x' ? 33 : 32;
      await agent.save(weighing(most, letter));
      const error = await failureOf(agent.save(weighing(letter === 'x' ? 34 : 34, letter)));
      expect(error).toBeInstanceOf(EntropyBudgetExceededError);
      expect(error).toMatchObject({
        code: 'DGENTS_ENTROPY_BUDGET_EXCEEDED',
        bytes: 34,
        limitBytes: 33,
        budget: 0.339,
        depth: 0,
        limit: 'state',
        key: 'notes',
      });
      expect(await agent.load()).toEqual(weighing(most, letter));
    }
    expect((await agent.read()).version).toBe(2);
  });

  test('is refused in an update whichever way it grows, and the recipe may be made smaller', async () => {
    const agent = open();
    const long = 'x'.repeat(60);
    await agent.update((draft) => void draft.notes.push(long));
    for (const recipe of [
      (draft: Notes) => void draft.notes.push(long),
      (draft: Notes) => ({ notes: [...draft.notes, long] }),
      (draft: Notes) => ({ ...draft, more: draft.notes }),
    ]) {
      const error = await failureOf(agent.update(recipe));
      expect(error).toMatchObject({ code: 'DGENTS_ENTROPY_BUDGET_EXCEEDED', limitBytes: 100 });
    }
    expect((await agent.update((draft) => void draft.notes.push('y'))).version).toBe(2);
  });

  test('never exceeds it, however many write at once', async () => {
    const agents = Array.from({ length: 8 }, () => open());
    const pushes = agents.flatMap((agent) =>
      Array.from({ length: 5 }, () => agent.update((draft) => void draft.notes.push('0123456789'))),
    );
    const settled = await Promise.allSettled(pushes);
    const { notes } = await agents[0]!.load();
    // {"notes":[…]} is 12 bytes; each note 13, but for the first comma.
    expect(notes).toHaveLength(6);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
  });

  test('is stored with a warning in mode warn: one for each call', async () => {
    const told: EntropyBudgetExceededError[] = [];
    const agent = open({ mode: 'warn', onWarning: (error: EntropyBudgetExceededError) => told.push(error) });
    await agent.save(weighing(200));
    await Promise.all([1, 2].map(() => agent.update((draft) => void draft.notes.push('z'))));
    expect(told.map(({ bytes }) => bytes)).toEqual([200, 204, 208]);
    expect((await agent.load()).notes).toHaveLength(3);
    expect(told[0]!.message).toMatch(/200 bytes; 100 are allowed, at depth 0.*stored nevertheless/);
  });

  test('is not weighed again for an operation that is repeated', async () => {
    const agent = open();
    await agent.save(weighing(90), { operationId: 'once' });
    expect(await agent.save(weighing(90), { operationId: 'once' })).toBe(1);
  });

  test('that is none or cannot be stored is refused as it is without a budget', async () => {
    const agent = open();
    expect(await failureOf(agent.save(undefined as never))).toBeInstanceOf(TypeError);
    expect(await failureOf(agent.update('no' as never))).toBeInstanceOf(TypeError);
    expect(await failureOf(agent.update((async () => undefined) as never))).toBeInstanceOf(TypeError);
    expect(await failureOf(agent.save({ notes: [() => 1] } as never))).toMatchObject({
      code: 'DGENTS_STATE_SERIALIZATION',
    });
    expect((await agent.read()).version).toBe(0);
  });
});

test('a child has the budget of its depth: a half, a third, a quarter, or by another rule', () => {
  let agent = new EntropyConstrainedAgent(store.agent<Notes>('tree'), { maxBytes: 1_000_000 });
  const limits = [agent.limitBytes];
  for (let i = 0; i < 3; i += 1) {
    agent = agent.child();
    limits.push(agent.limitBytes);
  }
  expect(limits).toEqual([1_000_000, 500_000, 333_333, 250_000]);
  expect([agent.depth, agent.budget]).toEqual([3, perDepth(3)]);
  const halves = new EntropyConstrainedAgent(store.agent<Notes>('tree'), { rule: (depth) => 0.5 ** depth });
  expect(halves.child().child().limitBytes).toBe(250_000);
  expect(halves.child({ budget: 0.1, maxBytes: 1_000 }).limitBytes).toBe(100);
  const tight = new EntropyConstrainedAgent(store.agent<Notes>('tree'), { maxBytes: 20 });
  const untold = { maxBytes: undefined, depth: undefined, mode: undefined } as object;
  expect(tight.child(untold).limitBytes).toBe(10);
  // A budget that was told is that of one agent, and not of those below it.
  const told = new EntropyConstrainedAgent(store.agent<Notes>('tree'), { budget: 0.01 });
  expect(told.child().budget).toBe(1 / 2);
});

test('a child with an agent of its own closes that; one without leaves the state to its parent', async () => {
  const root = new EntropyConstrainedAgent(store.agent<Notes>('root', { initial }));
  const step = store.agent<number>('step');
  const child = root.child({ agent: step });
  expect(await child.save(1)).toBe(1);
  await child.close();
  expect(await failureOf(step.load())).toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });

  const same = root.child();
  await same.update((draft) => void draft.notes.push('by the child'));
  await same.close();
  expect(await failureOf(same.load())).toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  expect((await root.load()).notes).toEqual(['by the child']);
});

test.each([0, -1, 1.01, Number.NaN, Number.POSITIVE_INFINITY, '0.5', null])(
  'a budget of %p is refused at construction',
  (budget) => {
    const agent = store.agent<Notes>('k');
    const make = () => new EntropyConstrainedAgent(agent, { budget: budget as number });
    expect(make).toThrow(/budget/);
    expect(make).toThrow(typeof budget === 'number' ? RangeError : TypeError);
    expect(() => new EntropyConstrainedAgent(agent, { rule: () => budget as number })).toThrow(/budget/);
  },
);

test('limits that cannot be meant are refused at construction', () => {
  const agent = store.agent<Notes>('k');
  for (const options of [
    { maxBytes: 0 },
    { maxBytes: 1.5 },
    { maxBytes: Number.NaN },
    { maxBytes: 1, budget: 0.5 },
    { depth: -1 },
    { depth: 0.5 },
    { maxRecordBytes: 0 },
    { maxVersions: 0 },
  ]) {
    expect(() => new EntropyConstrainedAgent(agent, options)).toThrow(RangeError);
  }
  expect(() => new EntropyConstrainedAgent(agent, { mode: 'quiet' as never })).toThrow(TypeError);
  for (const options of [{ maxRecordBytes: 10 }, { maxVersions: 10 }]) {
    expect(() => new EntropyConstrainedAgent(new Unweighed(agent), options)).toThrow(/does not weigh/);
  }
});

test('a write may be limited by what it adds to the log, and by how many versions are kept', async () => {
  const agent = new EntropyConstrainedAgent(store.agent<Notes>('k', { initial, retain: { versions: 50 } }), {
    maxRecordBytes: 150,
    maxVersions: 3,
  });
  await agent.save({ notes: ['x'.repeat(100)] });
  expect(await failureOf(agent.update((draft) => void draft.notes.push('x'.repeat(200))))).toMatchObject({
    limit: 'record',
    limitBytes: 150,
  });
  await agent.update((draft) => void draft.notes.push('x'.repeat(100)));
  await agent.update((draft) => void draft.notes.push('y'));
  expect(await failureOf(agent.update((draft) => void draft.notes.push('z')))).toMatchObject({
    limit: 'versions',
    message: expect.stringMatching(/4 versions would be kept; 3 are allowed.*retain/),
  });
  expect((await agent.read()).version).toBe(3);
});

test('what the caller wants to weigh is weighed, too', async () => {
  const agent = new EntropyConstrainedAgent(store.agent<Notes>('k'), { maxBytes: 1_000 });
  const weights: number[] = [];
  await agent.save({ notes: [] }, { weigh: ({ bytes }) => void weights.push(bytes) });
  expect(weights).toEqual([12]);
  const error = await failureOf(agent.save({ notes: [] }, { weigh: (async () => undefined) as never }));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toContain('promise');
});

test('a part of a state has a budget of its own', async () => {
  const parent = store.agent('whole', { initial: () => ({ part: { text: '' }, rest: 'x'.repeat(500) }) });
  const part = new EntropyConstrainedAgent(focusOn(parent, ['part']), { maxBytes: 50 });
  await part.update((draft) => {
    draft.text = 'short';
  });
  const grow = part.update((draft) => {
    draft.text = 'x'.repeat(50);
  });
  expect(await failureOf(grow)).toMatchObject({ code: 'DGENTS_ENTROPY_BUDGET_EXCEEDED', bytes: 61 });
  expect(await part.load()).toEqual({ text: 'short' });
});

test('a loan that is closed ends its watches and waits for its writes', async () => {
  const agent = store.agent<Notes>('lent', { initial });
  const loan = new LentAgent(agent);
  await loan.save({ notes: ['a'] });
  const items = loan.watch()[Symbol.asyncIterator]();
  expect((await items.next()).value).toMatchObject({ version: 1 });
  const next = items.next();
  const write = loan.update((draft) => void draft.notes.push('b'));
  await loan.close();
  expect((await agent.load()).notes).toEqual(['a', 'b']);
  await write;
  expect(await next).toEqual({ done: true, value: undefined });
  expect(await failureOf(loan.save({ notes: [] }))).toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  expect(await failureOf(loan.watch()[Symbol.asyncIterator]().next())).toMatchObject({
    code: 'DGENTS_AGENT_CLOSED',
  });
  expect((await agent.load()).notes).toEqual(['a', 'b']);
});
