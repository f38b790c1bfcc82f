/** Who is told when a log has grown: whoever waits in this process, at once, and then other processes. */
import type { Append, CommitResult } from 'dgents-core';
import { Bell } from '../shared/bell.js';
import { Ear } from './ear.js';
import type { Executor } from './executor.js';
import { channelOf, Notifier } from './notifications.js';

/** How often a watch looks that hears what others write, in milliseconds. */
export const HEARING_POLL_MS = 1_000;

/** Rings when a log has grown, for every handle of this process. */
const bell = new Bell();

/** Of all keys, or of one. */
const placeOf = (storeId: string, key?: string) => (key === undefined ? storeId : `${storeId}\n${key}`);

export class Hearing {
  readonly #storeId: () => Promise<string>;
  readonly #notifier: Notifier | undefined;
  readonly #ear: Ear | undefined;

  /** @param storeId of the store, once it is set up */
  constructor(executor: Executor, storeId: () => Promise<string>) {
    const { notify, listen } = executor;
    const send = (channel: string, note: string) => executor.notify!(channel, note);
    this.#storeId = storeId;
    this.#notifier = notify && new Notifier(async (note) => send(channelOf(await storeId()), note));
    this.#ear = listen && new Ear(listen, send);
  }

  /** Whether what other processes write is heard. */
  get hears(): boolean {
    return this.#ear?.hears ?? false;
  }

  /** Tells of the appends that were made. To be called after the commit. */
  async announce(appends: readonly Append[], results: readonly (CommitResult | undefined)[]): Promise<void> {
    const changed = appends.filter((_, i) => results[i]?.ok && !results[i].replayed);
    if (changed.length === 0) return;
    const storeId = await this.#storeId();
    for (const { key } of changed) {
      bell.ring(placeOf(storeId, key));
      this.#notifier?.changed(key);
    }
    bell.ring(placeOf(storeId));
  }

  /**
   * Calls `wake` when a log may have grown, or that of one key, from when the store is ready.
   *
   * @returns whether it is, once it is, and how to stop
   */
  hear(key: string | undefined, wake: () => void): { begun: Promise<boolean>; stop: () => void } {
    const stops: ((() => void) | undefined)[] = [];
    let over = false;
    const begun = this.#storeId().then((storeId) => {
      if (!over) stops.push(bell.listen(placeOf(storeId, key), wake), this.#ear?.hear(storeId, key, wake));
      return !over;
    });
    // Whoever waits is told by what it looks at.
    begun.catch(() => undefined);
    const stop = () => {
      over = true;
      for (const each of stops.splice(0)) each?.();
    };
    return { begun, stop };
  }

  /** Tells what has not been told yet, and hears no more. */
  async close(): Promise<void> {
    await this.#notifier?.flush();
    await this.#ear?.close();
  }
}
