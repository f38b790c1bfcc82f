/**
 * Which call of a traced agent an operation is part of: how what the operation tells comes to the span of the call.
 *
 * An operation that begins before the call has returned its promise is known without more. Of one that begins later,
 * behind another wrapper, the active OpenTelemetry context tells, where a context manager is registered. We bring no
 * AsyncLocalStorage of our own: in Node 20 a single one makes every promise of the process slower.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, createContextKey } from '@opentelemetry/api';
import { OPERATION_CHANNEL, type OperationEvent } from '../observe/events.js';
import type { Recording } from './telemetry.js';

const CALL = createContextKey('dgents call');

let calling: Recording | undefined;

/** Runs the synchronous part of a call as part of it. */
export function runTraced<T>(recording: Recording, work: () => T): T {
  const outer = calling;
  calling = recording;
  try {
    return context.with(recording.context.setValue(CALL, recording), work);
  } finally {
    calling = outer;
  }
}

/** The open call that the code at hand is part of. */
export function tracedCall(): Recording | undefined {
  const found = calling ?? (context.active().getValue(CALL) as Recording | undefined);
  return found?.isOpen === true ? found : undefined;
}

const parts = new WeakMap<object, Recording>();

function begin(event: unknown): void {
  const call = tracedCall();
  if (call !== undefined) parts.set(event as object, call);
}

function end(event: unknown): void {
  parts.get(event as object)?.note(event as OperationEvent);
}

const START = `tracing:${OPERATION_CHANNEL}:start`;
const OVER = `tracing:${OPERATION_CHANNEL}:asyncEnd`;

let listeners = 0;

/** Listens while there is a traced agent. @returns what ends it, once */
export function listen(): () => void {
  if (listeners === 0) {
    subscribe(START, begin);
    subscribe(OVER, end);
  }
  listeners += 1;
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    listeners -= 1;
    if (listeners > 0) return;
    unsubscribe(START, begin);
    unsubscribe(OVER, end);
  };
}
