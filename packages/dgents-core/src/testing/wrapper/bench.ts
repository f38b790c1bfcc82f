/** What the facts about a wrapper work on. */
import assert from 'node:assert/strict';
import type { DataAgent } from '../../data-agent.js';
import type { AgentSettings } from '../agent-subject.js';
import { settled } from '../support/watched-backend.js';
import { agentIn, closeMemory, emptyMemory } from './memory.js';
import { type Method, type Recorded, Recorder } from './recorder.js';
import type { GivenWrapper } from './subject.js';

/** How many states there are before a fact begins: those of 1, 2 and 3, each with its number as meta. */
export const STATES_THERE = 3;

export interface WrapperBench {
  readonly subject: GivenWrapper;
  /** The wrapper: a handle that has seen nothing yet, around what `inner` records. */
  readonly agent: DataAgent<unknown>;
  readonly inner: Recorder;
  /** What is really there, by a handle that nobody has wrapped. Its states are those of the agent inside. */
  readonly truth: DataAgent<unknown>;
  /** The state that this number stands for; and the number of a state. */
  of(number: number): unknown;
  numberOf(state: unknown): number;
  readonly next: (state: unknown) => unknown;
  /** Writes through a wrapper of its own, which is closed again. */
  write(change: (agent: DataAgent<unknown>) => Promise<unknown>): Promise<void>;
  /** The one call that the agent inside has had since this was asked last; fails when it was none or several. */
  oneCall(...methods: readonly Method[]): Recorded;
}

/** Makes a bench, hands it to `check`, and cleans up whatever happens. */
export async function onWrapperBench(
  subject: GivenWrapper,
  check: (bench: WrapperBench) => Promise<void>,
): Promise<void> {
  const place = emptyMemory();
  const settings: AgentSettings = { key: 'state' };
  const open = (): DataAgent<unknown> => agentIn(place, subject.inner(settings));
  const write: WrapperBench['write'] = async (change) => {
    const agent = subject.wrap(open(), settings);
    await change(agent);
    await agent.close();
  };
  const { of, numberOf } = subject.states;
  const opened: DataAgent<unknown>[] = [];
  try {
    await write(async (agent) => {
      for (let i = 1; i <= STATES_THERE; i += 1) await agent.save(of(i), { meta: { number: i } });
    });
    const inner = new Recorder(open());
    const agent = subject.wrap(inner.agent, settings);
    opened.push(agent);
    await check({
      subject,
      agent,
      inner,
      truth: open(),
      of,
      numberOf,
      next: (state) => of(numberOf(state) + 1),
      write,
      oneCall: (...methods) => oneCall(inner, methods, subject),
    });
  } finally {
    // What was found is worth more than what goes wrong while clearing up.
    for (const agent of opened) await settled('close', () => agent.close()).catch(() => undefined);
    await closeMemory(place);
  }
}

function oneCall(inner: Recorder, methods: readonly Method[], { claims }: GivenWrapper): Recorded {
  // Getting ready is anyone's right at any time, and a cache may watch what it holds.
  const idle: readonly Method[] = claims.reads === 'cached' ? ['ready', 'watch'] : ['ready'];
  const found = inner.calls
    .splice(0)
    .filter(({ method }) => methods.includes(method) || !idle.includes(method));
  const names = found.map(({ method }) => method);
  assert.equal(found.length, 1, `one call of ${methods.join(' or ')} inside, and not: ${names.join(', ')}`);
  const call = found[0]!;
  assert.ok(methods.includes(call.method), `${call.method} was called inside, not ${methods.join(' or ')}`);
  return call;
}
