/**
 * What runs in a process of its own: `node worker.js <JSON of a job>`. It imports the subject's module, which uses
 * whatever dgents-core it was installed with; agents over a backend are made with the one that this file belongs to.
 */
import type { Backend } from '../../backend.js';
import type { DataAgent } from '../../data-agent.js';
import { Store } from '../../store.js';
import { type AgentSettings, agentOn, PLAIN_STATES, type States } from '../agent-subject.js';
import type { EventStream, EventStreamSettings } from '../stream-subject.js';
import { TALLY } from '../support/tally.js';
import { idleAgent, save, update } from './agent-work.js';
import { count, idle, record, write } from './backend-work.js';
import type { Given, Job } from './jobs.js';
import { ownJob, tell, wordsOf } from './messages.js';
import { append, appendNumbered } from './stream-work.js';

/** What the subject's module exports, by itself or in its default export. */
interface Exports {
  readonly open?: (place: unknown, settings?: AgentSettings | EventStreamSettings) => unknown;
  readonly states?: States;
}

const AGENT_TIMEOUT_MS = 30_000;

async function run(given: Given, job: Job): Promise<void> {
  const { open, states = PLAIN_STATES } = await exportsOf(given);
  const backend = async (): Promise<Backend> => (await open(given.place)) as Backend;
  const agent = async (key: string): Promise<DataAgent<unknown>> => {
    const settings = { key, initial: () => states.of(0), timeoutMs: AGENT_TIMEOUT_MS };
    const opened = (await open(given.place, settings)) as Backend | DataAgent<unknown>;
    // The module of a backend serves for the agents on it too.
    return 'commit' in opened ? agentOn(new Store(opened), settings) : opened;
  };
  const stream = async (key: string): Promise<EventStream> =>
    (await open(given.place, { key, ...TALLY })) as EventStream;
  switch (job.do) {
    case 'count':
      return count(backend, job);
    case 'record':
      return record(backend, job);
    case 'write':
      return write(backend, job);
    case 'idle':
      return idle(backend, job);
    case 'update':
      return update(agent, states, job);
    case 'save':
      return save(agent, states, job);
    case 'idle agent':
      return idleAgent(agent, states, job);
    case 'append':
      return append(stream, job);
    case 'append numbered':
      return appendNumbered(stream, job);
  }
}

async function exportsOf({ module }: Given): Promise<Exports & Required<Pick<Exports, 'open'>>> {
  const loaded = (await import(module)) as Exports & { readonly default?: Exports };
  const { open } = loaded.open === undefined ? { ...loaded.default } : loaded;
  if (typeof open !== 'function') throw new TypeError(`${module} does not export \`open\`.`);
  const states = loaded.states ?? loaded.default?.states;
  return { open, ...(states !== undefined && { states }) };
}

const { given, job } = ownJob();
run(given, job).catch((error: unknown) => {
  tell({ failed: wordsOf(error) });
  process.exit(1);
});
