/** Streams of accounts, and processors that are stopped when their test is over. */
import type { Store } from 'dgents-core';
import { ProjectionProcessor } from '../projections/processor.js';
import type { Projection } from '../projections/projection.js';
import type { ProcessorOptions } from '../projections/settings.js';
import { defineStream } from '../stream/definition.js';
import { StreamAgent } from '../stream/stream-agent.js';

export interface Deposited {
  readonly type: 'deposited';
  readonly amount: number;
}
export interface Closed {
  readonly type: 'closed';
}
export type Moved = Deposited | Closed;

export const account = defineStream<Moved, number>({
  initial: () => 0,
  fold: { deposited: (sum, { amount }) => sum + amount, closed: (sum) => sum },
});
export const streams = [{ prefix: 'account:', definition: account }] as const;

export const deposit = (amount: number): Deposited => ({ type: 'deposited', amount });

export function openAccount(store: Store, key = 'account:1'): StreamAgent<Moved, number> {
  return new StreamAgent(store, key, account);
}

/** Quick to try again, and to take over. */
export const QUICK: ProcessorOptions = { leaseMs: 500, backoff: { firstMs: 1, maxMs: 5 } };

export class Processors {
  private readonly running: { stop(): Promise<void> }[] = [];

  start<M, E extends Moved>(
    store: Store,
    projection: Projection<M, E>,
    options: ProcessorOptions = {},
  ): ProjectionProcessor<M, E> {
    const processor = new ProjectionProcessor(store, projection, { ...QUICK, ...options });
    this.running.push(processor);
    return processor.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.splice(0).map((processor) => processor.stop()));
  }
}

/** Waits for something that is bound to happen soon. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
