/** Hears the notes of other processes, while anybody here waits for one. */
import { channelOf, HELLO, hashOfKey, keysOfNote } from './notifications.js';

/** A connection that listens. */
export interface Line {
  /** Resolves when it listens; rejects where it cannot. */
  readonly open: Promise<void>;
  end(): Promise<void>;
}

/** Opens a line. `lost` is called at most once, and only after it was open. */
export type Listen = (channel: string, heard: (note: string) => void, lost: () => void) => Line;

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/** Where watches come and go, the next one finds the line still open. */
const LINGER_MS = 1_000;

/** Stands for all keys. */
const ANY = '';

export class Ear {
  readonly #listen: Listen;
  readonly #greet: (channel: string, note: string) => Promise<unknown>;
  readonly #wakers = new Map<string, Set<() => void>>();
  #channel: string | undefined;
  #line: Line | undefined;
  #retry: NodeJS.Timeout | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #failures = 0;
  #hears = false;

  /** `greet` sends a note. */
  constructor(listen: Listen, greet: (channel: string, note: string) => Promise<unknown>) {
    this.#listen = listen;
    this.#greet = greet;
  }

  /**
   * Whether notes arrive: not just that the line is open. A pooler may hand the connection that listens to somebody else.
   */
  get hears(): boolean {
    return this.#hears;
  }

  /** Calls `wake` when a key may have changed, or, without one, when any may have. Returns how to stop. */
  hear(storeId: string, key: string | undefined, wake: () => void): () => void {
    const about = key === undefined ? ANY : hashOfKey(key);
    const wakers = this.#wakers.get(about) ?? new Set();
    this.#wakers.set(about, wakers.add(wake));
    this.#channel ??= channelOf(storeId);
    clearTimeout(this.#leaving);
    if (this.#line === undefined && this.#retry === undefined) this.#open(this.#channel);
    return () => {
      wakers.delete(wake);
      if (wakers.size === 0 && this.#wakers.get(about) === wakers) this.#wakers.delete(about);
      if (this.#wakers.size === 0) this.#leave();
    };
  }

  /** Ends the line; it is opened anew for whoever comes next. */
  async close(): Promise<void> {
    const line = this.#line;
    clearTimeout(this.#retry);
    clearTimeout(this.#leaving);
    this.#retry = undefined;
    this.#line = undefined;
    this.#failures = 0;
    this.#hears = false;
    await line?.end();
  }

  #leave(): void {
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => void this.close(), LINGER_MS);
    this.#leaving.unref();
  }

  #open(channel: string): void {
    this.#retry = undefined;
    let line: Line | undefined;
    const isCurrent = () => line !== undefined && this.#line === line;
    line = this.#listen(
      channel,
      (note) => {
        if (!isCurrent()) return;
        this.#hears = true;
        this.#failures = 0;
        this.#wake(keysOfNote(note));
      },
      () => {
        if (isCurrent()) this.#again(channel);
      },
    );
    this.#line = line;
    line.open.then(
      () => {
        if (!isCurrent()) return;
        // What came before was not heard.
        this.#wake('all');
        // Without an answer it is polled as if there were no line.
        this.#greet(channel, HELLO).catch(() => undefined);
      },
      () => {
        if (isCurrent()) this.#again(channel);
      },
    );
  }

  #again(channel: string): void {
    void this.#line?.end();
    this.#line = undefined;
    const wasHeard = this.#hears;
    this.#hears = false;
    const ms = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
    this.#retry = setTimeout(() => this.#open(channel), ms);
    this.#retry.unref();
    // They have waited for notes; now they have to look more often.
    if (wasHeard) this.#wake('all');
  }

  #wake(about: readonly string[] | 'all'): void {
    if (about !== 'all' && about.length === 0) return;
    const names = about === 'all' ? [...this.#wakers.keys()] : [ANY, ...about];
    for (const name of names) for (const wake of [...(this.#wakers.get(name) ?? [])]) wake();
  }
}
