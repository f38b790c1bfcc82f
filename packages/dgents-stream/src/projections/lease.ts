/**
 * Who processes a projection: one at a time. A lease only keeps others from working in vain. What keeps a holder that was
 * paused from writing is that every checkpoint is compared.
 *
 * It is taken over once its time is up by this process's clock, or once it has not changed for as long as it lasts: clocks
 * that differ cost a wait, and no more.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { DgentsError, StateAgent, type Store, type Versioned } from 'dgents-core';

export interface LeaseState {
  /** Null: nobody. */
  readonly holder: string | null;
  /** Until when, by the holder's clock, in milliseconds since the epoch. */
  readonly until: number;
  readonly ms: number;
}

export interface Holding {
  /** Aborts when it was lost, or ended. */
  readonly signal: AbortSignal;
  /** Gives it back. */
  readonly end: () => Promise<void>;
}

const LOOKS_PER_LEASE = 8;
const MAX_LOOK_MS = 1_000;
const RENEWALS_PER_LEASE = 3;

export class Lease {
  private readonly agent: StateAgent<LeaseState>;
  /** What is held now, as it was written. */
  private held: Versioned<LeaseState> | undefined;

  constructor(
    private readonly store: Store,
    key: string,
    readonly holder: string = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
    private readonly ms: number,
  ) {
    const agent = new StateAgent<LeaseState>(store.engine, key, {
      initial: () => ({ holder: null, until: 0, ms: 0 }),
      retain: { versions: 1 },
    });
    this.agent = agent;
    store.adopt(agent);
  }

  /** Who holds it now; undefined: nobody. */
  async look(): Promise<LeaseState | undefined> {
    const { state } = await this.agent.read();
    return state.holder === null || state.until <= this.store.engine.clock() ? undefined : state;
  }

  /**
   * Waits until it is this one's turn. @returns undefined where `signal` aborts first
   * @param waiting done at each look that finds that somebody else holds it
   */
  async take(signal: AbortSignal, waiting: () => Promise<void>): Promise<Holding | undefined> {
    let seen: { readonly id: string | undefined; readonly since: number } | undefined;
    while (!signal.aborted) {
      const found = await this.agent.read();
      const { holder, until, ms } = found.state;
      const id = found.head?.id;
      if (seen === undefined || seen.id !== id) seen = { id, since: performance.now() };
      const isFree = holder === null || holder === this.holder || until <= this.store.engine.clock();
      if (isFree || performance.now() - seen.since > ms) {
        const taken = await this.write(found);
        if (taken !== undefined) return this.hold(taken, signal);
      } else await waiting();
      await delay(Math.min(MAX_LOOK_MS, Math.max(ms, this.ms) / LOOKS_PER_LEASE), signal);
    }
    return undefined;
  }

  private hold(taken: Versioned<LeaseState>, stop: AbortSignal): Holding {
    this.held = taken;
    const ended = new AbortController();
    const lose = (): void => ended.abort();
    stop.addEventListener('abort', lose, { once: true });
    // While it was being taken.
    if (stop.aborted) lose();
    const renewing = this.renew(ended);
    const end = async (): Promise<void> => {
      stop.removeEventListener('abort', lose);
      ended.abort();
      await renewing;
      const { held } = this;
      this.held = undefined;
      if (held !== undefined) await this.write(held, true).catch(() => undefined);
    };
    return { signal: ended.signal, end };
  }

  private async renew(ended: AbortController): Promise<void> {
    let until = performance.now() + this.ms;
    while (!ended.signal.aborted) {
      await delay(this.ms / RENEWALS_PER_LEASE, ended.signal);
      const { held } = this;
      if (ended.signal.aborted || held === undefined) return;
      const began = performance.now();
      try {
        this.held = await this.write(held);
        if (this.held !== undefined) until = began + this.ms;
      } catch {
        // The store does not answer now. Whoever takes over first has to wait for the same time.
      }
      if (this.held === undefined || performance.now() > until) ended.abort();
    }
  }

  /** @returns undefined where somebody else was first */
  private async write(
    found: Versioned<LeaseState>,
    isOver = false,
  ): Promise<Versioned<LeaseState> | undefined> {
    const now = this.store.engine.clock();
    const next: LeaseState = isOver
      ? { holder: null, until: now, ms: this.ms }
      : { holder: this.holder, until: now + this.ms, ms: this.ms };
    try {
      return await this.agent.update(() => next, { expected: found.head ?? 0 });
    } catch (error) {
      if (DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) return undefined;
      throw error;
    }
  }
}

/** Resolves after so long, or once `signal` aborts. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
