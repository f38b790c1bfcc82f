/** The streams that a feed is in: one, or on a Cluster one for each slot that a log lies in. */
import { type Client, isCluster } from './client.js';
import type { Connection } from './connection.js';
import type { Names } from './names.js';
import { slotOf, tagOfSlot } from './slots.js';

type Ask = <T>(work: (client: Client) => Promise<T>) => Promise<T>;

/** For so long a slot is taken for noted: a server can lose the note without losing the connection (FLUSHALL). */
const NOTED_MS = 1_000;

export class FeedStreams {
  readonly #connection: Connection;
  readonly #names: Names;
  readonly #isOne: boolean;
  /** Tags of slots that are known to be noted. */
  readonly #noted = new Map<string, Promise<unknown>>();
  #notedUntil = 0;
  /** How often a connection had been lost when they were noted: behind another one, the note may be missing. */
  #notedAt = 0;

  /** @param isOne whether all logs lie in one slot, or on one server */
  constructor(connection: Connection, names: Names, isOne: boolean) {
    this.#connection = connection;
    this.#names = names;
    this.#isOne = isOne;
  }

  /** The stream in the slot of a log. That the slot has one is noted before the first entry is written. */
  of(client: Client, log: string): string | Promise<string> {
    if (this.#isOne || !isCluster(client)) return this.#names.feed;
    const tag = tagOfSlot(slotOf((client.options.keyPrefix ?? '') + log));
    this.#forgetOld();
    let noted = this.#noted.get(tag);
    if (noted === undefined) {
      noted = client.call('sadd', this.#names.feeds, tag);
      this.#noted.set(tag, noted);
      noted.catch(() => this.#noted.delete(tag));
    }
    return noted.then(() => this.#names.feedOf(tag));
  }

  #forgetOld(): void {
    const now = performance.now();
    const { cuts } = this.#connection;
    if (cuts === this.#notedAt && now < this.#notedUntil) return;
    this.#noted.clear();
    this.#notedAt = cuts;
    this.#notedUntil = now + NOTED_MS;
  }

  /** The tags of all of them. */
  async tags(ask: Ask): Promise<readonly string[]> {
    if (this.#isOne) return [''];
    const found = await ask((client) => client.call('smembers', this.#names.feeds) as Promise<string[]>);
    return found.sort();
  }
}
