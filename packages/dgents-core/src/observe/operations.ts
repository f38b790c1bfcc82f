/** What agents and stores tell of what is called on them. Nothing is made where nobody listens. */
import { AsyncResource } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import type { CommitResult } from '../backend.js';
import type { CommitEnd } from '../state/commit.js';
import type { Engine } from '../state/engine.js';
import type { Operation } from '../state/operation.js';
import type { Plan } from '../state/plan.js';
import type { Snapshot } from '../state/replica.js';
import { OPERATION_CHANNEL, type OperationEvent, type OperationName } from './events.js';
import { noteSafely, type Open, observe, observeEach } from './observe.js';
import { recordBytes } from './weights.js';

const operations = tracingChannel<OperationEvent, OperationEvent>(OPERATION_CHANNEL);

/** What is told of an operation, while it is under way. */
export type OpenOperation = Open<OperationEvent>;

/** Whether anybody listens. Asked first where every nanosecond counts; {@link told} asks too. */
export function isTold(): boolean {
  return operations.hasSubscribers;
}

/** @param work is given the event to fill in, if there is one */
export function told<T>(
  operation: OperationName,
  { backend }: Engine,
  key: string | undefined,
  work: (event?: OpenOperation) => Promise<T>,
): Promise<T> {
  if (!operations.hasSubscribers) return work();
  return observe(operations, { operation, backend: backend.name, key }, work);
}

/** The same for an iteration, of which the items are counted. */
export function toldEach<T>(
  operation: OperationName,
  { backend }: Engine,
  key: string | undefined,
  items: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  if (!operations.hasSubscribers) return items;
  const event: OpenOperation = { operation, backend: backend.name, key, items: 0 };
  return observeEach(operations, event, items, countItem);
}

function countItem(event: OpenOperation): void {
  event.items = (event.items ?? 0) + 1;
}

/** Notes which version an operation is about, when that is handed out. */
export function noting<T>(
  event: OpenOperation | undefined,
  finish: (snapshot: Snapshot) => T,
): (snapshot: Snapshot) => T {
  if (event === undefined) return finish;
  return (snapshot) => {
    const { head } = snapshot;
    if (head !== null) {
      noteSafely(() => {
        event.version = head.version;
      });
    }
    return finish(snapshot);
  };
}

/** A write that is observed, and where it was called: its append goes out in that asynchronous context. */
export interface ObservedWrite {
  readonly event: OpenOperation;
  readonly scope: AsyncResource;
}

export function observedWrite(event: OpenOperation | undefined): ObservedWrite | undefined {
  return event === undefined ? undefined : { event, scope: new AsyncResource('DgentsWrite') };
}

/** Writes that go out together do so in the context of the first one that is observed. */
export function inContextOf<T>(batch: readonly Operation[], work: () => T): T {
  if (!operations.hasSubscribers) return work();
  const first = batch.find(({ request }) => request.observed !== undefined);
  return first?.request.observed === undefined ? work() : first.request.observed.scope.runInAsyncScope(work);
}

/** Notes what became of an append with every operation that has a part in it. */
export function noteSent({ outcomes, records }: Plan, end: CommitEnd): void {
  if (operations.hasSubscribers) noteSafely(() => noteAttempt(outcomes, records, end));
}

function noteAttempt(outcomes: Plan['outcomes'], records: Plan['records'], end: CommitEnd): void {
  const bytes = new Map(records.map((record) => [record.id, recordBytes(record)]));
  for (const { operation, written } of outcomes) {
    const event = operation.request.observed?.event;
    if (event === undefined || !written) continue;
    event.attempts = (event.attempts ?? 0) + 1;
    event.conflicts = (event.conflicts ?? 0) + (end.kind === 'refused' ? 1 : 0);
    event.resent = (event.resent ?? 0) + (end.resent ?? 0);
    event.combined = records.length;
    event.bytes = bytes.get(operation.request.id) ?? 0;
  }
}

/** Notes how many states are handed out. */
export function noteItems(event: OpenOperation | undefined, items: number): void {
  if (event === undefined) return;
  noteSafely(() => {
    event.items = items;
  });
}

/** Notes that an operation with this id had happened before. */
export function noteReplayed({ request }: Operation): void {
  const { observed } = request;
  if (observed === undefined) return;
  noteSafely(() => {
    observed.event.replayed = true;
  });
}

/** Notes an attempt of a transaction. */
export function noteTransacted(event: OpenOperation | undefined, results: readonly CommitResult[]): void {
  if (event === undefined) return;
  noteSafely(() => {
    event.items = results.length;
    event.attempts = (event.attempts ?? 0) + 1;
    event.conflicts = (event.conflicts ?? 0) + (results.every(({ ok }) => ok) ? 0 : 1);
  });
}
