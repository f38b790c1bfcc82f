/** What the facts about an agent work on. */
import type fc from 'fast-check';
import type { DataAgent } from '../data-agent.js';
import type { AgentSettings, GivenAgent } from './agent-subject.js';
import type { Effort } from './effort.js';
import { newPlace } from './subject.js';
import { clearUp } from './support/clear-up.js';
import { settled } from './support/watched-backend.js';

export interface AgentBench {
  readonly place: unknown;
  readonly subject: GivenAgent;
  readonly effort: Effort;
  /** A new handle on the state under this key (`state` unless told) of the fact's own place. */
  open(settings?: Partial<AgentSettings>): Promise<DataAgent<unknown>>;
  /** A key that this fact has not used yet: an absent state. */
  freshKey(): string;
  /** The state that this number stands for; and the number of a state. */
  of(number: number): unknown;
  numberOf(state: unknown): number;
  /** A recipe that goes from the state of a number to that of the next one. */
  readonly next: (state: unknown) => unknown;
  /** Closes every handle that was opened here. */
  closeAll(): Promise<void>;
  /** Lets time pass for the store. */
  pass(ms: number): Promise<void>;
  /** Settings for a property: so many runs (many more in the long tier), with the seed that is printed on failure. */
  runs<T>(count: number): fc.Parameters<T>;
}

/** Makes a bench, hands it to `check`, and cleans up whatever happens. */
export async function onAgentBench(
  subject: GivenAgent,
  effort: Effort,
  check: (bench: AgentBench) => Promise<void>,
): Promise<void> {
  const place = (await newPlace(subject)) as never;
  let handles: DataAgent<unknown>[] = [];
  let keys = 0;
  const closeAll = async (patienceMs?: number): Promise<void> => {
    const closing = handles;
    handles = [];
    await Promise.all(closing.map((each) => settled('close', () => each.close(), patienceMs)));
  };
  try {
    await check({
      place,
      subject,
      effort,
      open: async (settings = {}) => {
        const agent = await subject.open(place, { key: 'state', ...settings });
        handles.push(agent);
        return agent;
      },
      freshKey: () => `key-${++keys}`,
      of: (number) => subject.states.of(number),
      numberOf: (state) => subject.states.numberOf(state),
      next: (state) => subject.states.of(subject.states.numberOf(state) + 1),
      closeAll: () => closeAll(),
      pass: async (ms) => {
        if (subject.advance === undefined) await new Promise((resolve) => setTimeout(resolve, ms));
        else await subject.advance(place, ms);
      },
      runs: (count) => ({ numRuns: effort.times(count), seed: effort.seed, endOnFailure: false }),
    });
  } finally {
    await clearUp(subject, closeAll);
    await subject.destroy(place);
  }
}
