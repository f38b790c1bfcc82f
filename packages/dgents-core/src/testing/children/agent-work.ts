/** What children do with an agent. */
import type { DataAgent } from '../../data-agent.js';
import type { States } from '../agent-subject.js';
import type { Job, KillPoint } from './jobs.js';
import { dieSoon, theEnd } from './kill.js';
import { tell, told } from './messages.js';

type Open = (key: string) => Promise<DataAgent<unknown>>;
type Work<Name extends Job['do']> = Extract<Job, { readonly do: Name }>;

export async function update(open: Open, states: States, { key, times }: Work<'update'>): Promise<void> {
  tell({ ready: true });
  await told();
  const agent = await open(key);
  const versions: number[] = [];
  for (let i = 0; i < times; i++) {
    const { version } = await agent.update((state) => states.of(states.numberOf(state) + 1));
    versions.push(version);
  }
  await agent.close();
  tell({ versions });
}

/** Each state is that of the next number. Tells the number that is there, and then each that was acknowledged. */
export async function save(open: Open, states: States, { key, kill }: Work<'save'>): Promise<void> {
  const agent = await open(key);
  const next = (state: unknown): unknown => states.of(states.numberOf(state) + 1);
  let state = await agent.load();
  tell({ found: states.numberOf(state) });
  for (let n = 1; ; n++) {
    const mine = kill?.append === n ? kill : undefined;
    state = next(state);
    const answer = n % 2 === 0 ? agent.save(state) : agent.update(next);
    if (mine?.at === 'called' || mine?.at === 'microtasks' || mine?.at === 'turns') dieSoon(mine);
    await answer;
    tell({ acked: states.numberOf(state) });
    if (mine?.at === 'acknowledged') dieSoon(mine);
    if (mine?.at === 'closing') await dieClosing(agent, next, mine);
  }
}

async function dieClosing(
  agent: DataAgent<unknown>,
  next: (state: unknown) => unknown,
  kill: KillPoint,
): Promise<void> {
  agent.update(next).catch(() => undefined);
  agent.close().catch(() => undefined);
  dieSoon(kill);
  await theEnd();
}

export async function idleAgent(open: Open, states: States, { key }: Work<'idle agent'>): Promise<void> {
  const agent = await open(key);
  await agent.update((state) => states.of(states.numberOf(state) + 1));
  await agent.load();
  tell({ read: true });
}
