/** How far a processor of this process is, and how it is doing. */
import { DgentsError } from 'dgents-core';
import type { Place } from './items.js';
import { reasonOf } from './trouble.js';

/**
 * `idle`: not started; `standby`: another one has its turn; `running`; `retrying`: an event, or the store, is in trouble;
 * `stopped`: it was stopped, or cannot go on.
 */
export type ProcessorState = 'idle' | 'standby' | 'running' | 'retrying' | 'stopped';

export interface LastError {
  readonly message: string;
  /** Of a `DgentsError`. */
  readonly code: string | undefined;
  readonly at: Date;
}

export class Progress {
  state: ProcessorState = 'idle';
  lastError: LastError | undefined;
  place: Place | undefined;
  /** Events written since it was started. */
  written = 0;
  /** Since the last success, of the store. */
  failures = 0;

  reached(place: Place, events: number): void {
    this.place = place;
    this.written += events;
    this.failures = 0;
  }

  failed(error: unknown, now: number): void {
    this.state = 'retrying';
    const code = DgentsError.is(error) ? error.code : undefined;
    this.lastError = { message: reasonOf(error), code, at: new Date(now) };
  }

  recovered(): void {
    this.state = 'running';
  }
}
