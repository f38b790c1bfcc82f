/** Follows a state by a handle of its own, so that a cache hears of what others write. */
import type { Deleted, Versioned } from '../data-agent.js';
import type { CacheRules } from './options.js';

export interface Listener {
  /** This is the newest now. */
  notice(item: Versioned<unknown> | Deleted): void;
  /** Nobody tells any more what the newest is. */
  lost(): void;
}

export class Follower<S> {
  /** Whether the first report has come, and the watch goes on. */
  isLive = false;
  private readonly stop = new AbortController();
  private watching: Promise<void> | undefined;

  constructor(
    private readonly rules: CacheRules<S>,
    private readonly listener: Listener,
  ) {}

  /** Begins to watch, unless it does already, or has been ended. */
  start(): void {
    if (this.rules.watched === undefined || this.stop.signal.aborted) return;
    this.watching ??= this.follow().finally(() => {
      this.watching = undefined;
    });
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.watching;
  }

  private async follow(): Promise<void> {
    const { watched, pollMs, onError } = this.rules;
    const { signal } = this.stop;
    try {
      for await (const item of watched!.watch({ signal, ...(pollMs !== undefined && { pollMs }) })) {
        this.isLive = true;
        this.listener.notice(item);
      }
    } catch (error) {
      if (!signal.aborted) onError(error);
    } finally {
      this.isLive = false;
      this.listener.lost();
    }
  }
}
