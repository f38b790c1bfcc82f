/**
 * The kit: everything that dgents promises, as tests for a backend, an agent, a wrapper or a stream of events, under any
 * runner.
 *
 * ```ts
 * import { describe, test } from 'node:test';
 * import { describeBackend } from 'dgents-core/testing';
 * import * as subject from './my-backend.kit.js';
 *
 * describeBackend({ describe, test, ...subject });
 * ```
 *
 * Needs `fast-check`, an optional peer of dgents-core: `npm install --save-dev fast-check`. Without it the import fails
 * with Node's "Cannot find package 'fast-check'".
 */
import { agentSuites } from './agent/index.js';
import { onAgentBench } from './agent-bench.js';
import { type AgentSubject, agentsOn, type GivenAgent, spelledOutAgent } from './agent-subject.js';
import { backendSuites } from './backend/index.js';
import { onBackendBench } from './backend-bench.js';
import { claimsOf } from './claims.js';
import { type EffortName, effortOf } from './effort.js';
import { Blame, type Plan, planSuites } from './plan.js';
import { type Runner, register } from './register.js';
import { type KitReport, type RunOptions, runPlan } from './run.js';
import { streamSuites } from './stream/index.js';
import { onEventStreamBench } from './stream-bench.js';
import { type EventStreamSubject, spelledOutStream } from './stream-subject.js';
import { type BackendSubject, spelledOut, waivedOf } from './subject.js';
import { planWrapper } from './wrapper/plan.js';
import type { WrapperSubject } from './wrapper/subject.js';

export {
  AGENT_CLAIMS,
  type AgentClaims,
  type AgentSettings,
  type AgentSubject,
  agentOn,
  type States,
} from './agent-subject.js';
export type { EffortName } from './effort.js';
export { PROMISES, type PromiseName } from './promises.js';
export type { Describe, Runner, Test } from './register.js';
export type { FactReport, KitReport, Outcome, RunOptions } from './run.js';
export {
  type EventStream,
  type EventStreamClaims,
  type EventStreamSettings,
  type EventStreamSubject,
  STREAM_CLAIMS,
  type StreamAppendOptions,
  type StreamAppendResult,
  type StreamCaughtUp,
  type StreamEvent,
  type StreamRecorded,
  type StreamTryResult,
} from './stream-subject.js';
export type { Awaitable, BackendClaims, BackendSubject, Outage } from './subject.js';
export { SubjectError } from './support/verdicts.js';
export type { WrapperClaims, WrapperSubject } from './wrapper/subject.js';

export interface KitOptions {
  /** `ci` (the default) or `long`; `DGENTS_KIT_EFFORT` sets it too. */
  readonly effort?: EffortName;
  /** Decides every random choice; `DGENTS_KIT_SEED` sets it too, a new one each time unless told. */
  readonly seed?: number;
}

/** Declares the whole kit for a backend: the port, and the agents of a store on it. */
export function describeBackend<Place>(subject: BackendSubject<Place> & Runner & KitOptions): void {
  register(subject, planBackend(subject, subject));
}

/** Declares the whole kit for an agent. */
export function describeDataAgent<Place>(subject: AgentSubject<Place> & Runner & KitOptions): void {
  register(subject, planAgent(subject, subject));
}

/** Declares the whole kit for a wrapper: what it passes on, and everything that an agent promises. */
export function describeWrapper<Inner>(subject: WrapperSubject<Inner> & Runner & KitOptions): void {
  register(subject, planWrapper(subject, subject));
}

/** Declares the whole kit for a stream of events, in whatever event store. */
export function describeEventStream<Place>(subject: EventStreamSubject<Place> & Runner & KitOptions): void {
  register(subject, planEventStream(subject, subject));
}

/** Runs the kit for a backend by itself. */
export function runBackendKit<Place>(
  subject: BackendSubject<Place>,
  options: KitOptions & RunOptions = {},
): Promise<KitReport> {
  return runPlan(planBackend(subject, options), options);
}

/** Runs the kit for an agent by itself. */
export function runAgentKit<Place>(
  subject: AgentSubject<Place>,
  options: KitOptions & RunOptions = {},
): Promise<KitReport> {
  return runPlan(planAgent(subject, options), options);
}

/** Runs the kit for a wrapper by itself. */
export function runWrapperKit<Inner>(
  subject: WrapperSubject<Inner>,
  options: KitOptions & RunOptions = {},
): Promise<KitReport> {
  return runPlan(planWrapper(subject, options), options);
}

/** Runs the kit for a stream of events by itself. */
export function runEventStreamKit<Place>(
  subject: EventStreamSubject<Place>,
  options: KitOptions & RunOptions = {},
): Promise<KitReport> {
  return runPlan(planEventStream(subject, options), options);
}

function planBackend<Place>(subject: BackendSubject<Place>, options: KitOptions): Plan {
  const given = spelledOut(subject);
  const effort = effortOf(options);
  const blame = new Blame();
  const waivers = given.waivers ?? {};
  const agents = agentsOn(given);
  return {
    subject: given.name,
    ...claimsOf(given.claims),
    waived: waivedOf(waivers),
    effort,
    suites: [
      ...planSuites(
        { suites: backendSuites, subject: given, on: (check) => onBackendBench(given, effort, check) },
        blame,
        waivers,
      ),
      ...planSuites(
        {
          suites: agentSuites,
          subject: agents,
          about: 'agents on it',
          on: (check) => onAgentBench(agents, effort, check),
          presumesAll: true,
        },
        blame,
        waivers,
      ),
    ],
  };
}

function planAgent<Place>(subject: AgentSubject<Place>, options: KitOptions): Plan {
  const given: GivenAgent = spelledOutAgent(subject);
  const effort = effortOf(options);
  const waivers = given.waivers ?? {};
  return {
    subject: given.name,
    ...claimsOf(given.claims),
    waived: waivedOf(waivers),
    effort,
    suites: planSuites(
      { suites: agentSuites, subject: given, on: (check) => onAgentBench(given, effort, check) },
      new Blame(),
      waivers,
    ),
  };
}

function planEventStream<Place>(subject: EventStreamSubject<Place>, options: KitOptions): Plan {
  const given = spelledOutStream(subject);
  const effort = effortOf(options);
  const waivers = given.waivers ?? {};
  return {
    subject: given.name,
    ...claimsOf(given.claims),
    waived: waivedOf(waivers),
    effort,
    suites: planSuites(
      { suites: streamSuites, subject: given, on: (check) => onEventStreamBench(given, effort, check) },
      new Blame(),
      waivers,
    ),
  };
}
