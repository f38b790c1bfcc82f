/** Which traced call an operation is part of, and how what the operation tells comes to its span. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { OPERATION_CHANNEL, type OperationEvent } from '../observe/events.js';
import type { Recording } from './telemetry.js';

/** The call of a traced agent that the code at hand is part of. */
export const current = new AsyncLocalStorage<Recording>();

const OVER = `tracing:${OPERATION_CHANNEL}:asyncEnd`;

let listeners = 0;

function hear(event: unknown): void {
  current.getStore()?.note(event as OperationEvent);
}

/** Listens while there is a traced agent. @returns what ends it, once */
export function listen(): () => void {
  if (listeners === 0) subscribe(OVER, hear);
  listeners += 1;
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    listeners -= 1;
    if (listeners === 0) unsubscribe(OVER, hear);
  };
}
