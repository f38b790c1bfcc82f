/** What the suites about agents share. */
import assert from 'node:assert/strict';
import type { DataAgent, Deleted, Versioned } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import type { AgentSettings } from '../agent-subject.js';
import { settled } from './watched-backend.js';

type Agent = DataAgent<unknown>;

/** Saves the states of these numbers one after the other; gives the version of each. */
export async function saveAll(
  { of }: Pick<AgentBench, 'of'>,
  agent: Agent,
  ...numbers: number[]
): Promise<number[]> {
  const versions: number[] = [];
  for (const number of numbers) versions.push(await agent.save(of(number)));
  return versions;
}

/**
 * Makes what a handle has acknowledged visible to others. It is so at once, except where conflicts are told later:
 * there, closing the handle brings everything to its place.
 */
export async function handOver({ subject }: Pick<AgentBench, 'subject'>, agent: Agent): Promise<void> {
  if (subject.claims.conflicts === 'deferred') await agent.close();
}

/** Writes through a handle of its own, so that others find it. */
export async function write(
  bench: AgentBench,
  numbers: readonly number[],
  settings: Partial<AgentSettings> = {},
): Promise<number[]> {
  const agent = await bench.open(settings);
  const versions = await saveAll(bench, agent, ...numbers);
  await handOver(bench, agent);
  return versions;
}

/** The number of the state that a new handle finds. */
export async function found(bench: AgentBench, settings: Partial<AgentSettings> = {}): Promise<number> {
  return bench.numberOf(await (await bench.open(settings)).load());
}

/** Numbers from one to another, both included. */
export function span(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

/** The states of a walk by their numbers, and deletions as such. */
export function story(
  { numberOf }: Pick<AgentBench, 'numberOf'>,
  versions: readonly (Versioned<unknown> | Deleted)[],
): (number | 'deleted')[] {
  return versions.map((each) => (each.deleted ? 'deleted' : numberOf(each.state)));
}

export interface Steps {
  /** The number of the next state, `deleted`, or `end`. Fails when nothing comes in time. */
  next(): Promise<number | 'deleted' | 'end'>;
  /** What was shown last. */
  last(): Versioned<unknown> | Deleted | undefined;
  /** Fails when something comes within some milliseconds. */
  silence(ms: number): Promise<void>;
  leave(): Promise<void>;
}

/** Far more than a poll and a read take on a slow machine. */
const STEP_MS = 6_000;

/** Steps through a watch. */
export function stepping(
  { numberOf }: Pick<AgentBench, 'numberOf'>,
  watch: AsyncIterable<Versioned<unknown> | Deleted>,
): Steps {
  const iterator = watch[Symbol.asyncIterator]();
  let pending: ReturnType<typeof iterator.next> | undefined;
  let shown: Versioned<unknown> | Deleted | undefined;
  const ask = (): ReturnType<typeof iterator.next> => (pending ??= iterator.next());
  const step = async (): Promise<number | 'deleted' | 'end'> => {
    const { done, value } = await settled('the next step of watch', ask, STEP_MS);
    pending = undefined;
    if (done === true) return 'end';
    shown = value;
    return value.deleted ? 'deleted' : numberOf(value.state);
  };
  return {
    next: () => {
      const coming = step();
      // Whoever asked may be busy with what is to be shown: a failure is told when it comes back for it.
      coming.catch(() => undefined);
      return coming;
    },
    last: () => shown,
    silence: async (ms) => {
      const nothing = new Promise<undefined>((resolve) => setTimeout(resolve, ms, undefined));
      const step = await Promise.race([ask(), nothing]);
      assert.equal(step, undefined, 'a watch showed something where there was nothing to show');
    },
    leave: async () => {
      const left = settled('ending a watch', async () => iterator.return?.());
      // A generator that waits for a change ends at the next one: nobody has to wait for that.
      if (pending === undefined) await left;
      else left.catch(() => undefined);
    },
  };
}
