/** Wrappers hand out instances too: the agent inside tells them of its classes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CachedAgent } from '../cached/index.js';
import { memoryBackend, PersistentAgent, Store } from '../index.js';
import { LensAgent, lens } from '../lens/index.js';
import { Field, State, stateOf } from './index.js';

@State({ name: 'step' })
class Step {
  @Field(() => String) title = '';
  @Field(() => Boolean) done = false;

  finish(): void {
    this.done = true;
  }
}

@State({ name: 'plan' })
class Plan {
  @Field(() => [Step]) steps: Step[] = [];
  @Field(() => Step) goal = new Step();
}

const plan = stateOf(Plan, { initial: () => new Plan() });

const goal = lens<Plan, Step>(
  (all) => all.goal,
  (all, part) => Object.assign(new Plan(), { ...all, goal: part }),
);

describe.each(['memory', 'file'])('around %s', (kind) => {
  let folder: string;
  let store: Store;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dgents-classes-'));
    store = new Store(memoryBackend());
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const open = () =>
    kind === 'file'
      ? new PersistentAgent({ path: join(folder, 'p.jsonl'), ...plan })
      : store.agent('p', plan);

  test('a cache holds instances and gives out private ones', async () => {
    const agent = new CachedAgent<Plan>(open(), { maxAgeMs: Number.POSITIVE_INFINITY });
    await agent.update((draft) => void draft.steps.push(new Step()));
    const first = await agent.load();
    first.steps[0]?.finish();
    const second = await agent.load();
    expect(agent.stats).toMatchObject({ hits: 2, misses: 0 });
    expect(second).toBeInstanceOf(Plan);
    expect(second.steps[0]).toBeInstanceOf(Step);
    expect(second.steps[0]?.done).toBe(false);
    expect(await agent.load({ frozen: true })).toBeInstanceOf(Plan);
    await agent.save(first);
    expect((await agent.load()).steps[0]?.done).toBe(true);
    await agent.close();
  });

  test('the agent of a part that is an instance', async () => {
    const parent = open();
    const agent = new LensAgent(parent, goal);
    const { state } = await agent.update((draft) => draft.finish());
    expect(state).toBeInstanceOf(Step);
    const step = await agent.load();
    expect(step).toBeInstanceOf(Step);
    expect(step.done).toBe(true);
    step.title = 'x';
    await agent.save(step);
    expect((await parent.load()).goal).toEqual(step);
    expect((await agent.history())[0]).toBeInstanceOf(Step);
    await expect(agent.save({ title: 'x', done: true } as Step)).rejects.toThrow(
      /goal: expected an instance of Step/,
    );
    await agent.close();
    await parent.close();
  });
});
