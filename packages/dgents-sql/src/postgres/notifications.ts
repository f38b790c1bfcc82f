/**
 * How other processes are told at once that logs have grown: one channel for each store, and on it notes such as
 *
 *     <who sends it> <hash of a key>,<hash of a key> …       or, where there are many,       <who sends it> *
 *
 * A note is a hint. It may be lost (its sender died, or the connection did), so whoever listens looks now and then too.
 */
import { createHash, randomUUID } from 'node:crypto';

/** Notes wait for one another this long: NOTIFY within each commit would halve how many there are in a second. */
const GATHER_MS = 10;

/** Of 23 bytes each: a note of Postgres has less than 8,000. */
const MAX_KEYS = 300;

/** Who sends: whoever shares this process has been told already, without the server. */
const SENDER = randomUUID();

/** A name of a channel: within 63 bytes, whatever the store is called. */
export function channelOf(storeId: string): string {
  return `dgents_${createHash('sha256').update(storeId).digest('hex').slice(0, 32)}`;
}

/** 132 bits: two keys that share it would only be looked at in vain. */
export function hashOfKey(key: string): string {
  // Not as UTF-8, which has one replacement for all lone surrogates.
  return createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('base64url').slice(0, 22);
}

/** The hashes of the keys that a note is about; `all` where there are too many; nothing where it comes from here. */
export function keysOfNote(note: string): readonly string[] | 'all' {
  const [sender, keys = ''] = note.split(' ');
  if (sender === SENDER || keys === '') return [];
  return keys === '*' ? 'all' : keys.split(',');
}

/** A note about nothing: it shows that notes arrive. */
export const HELLO = `${SENDER} `;

/** Gathers what has changed, and sends it from time to time. */
export class Notifier {
  readonly #send: (note: string) => Promise<unknown>;
  #keys = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<unknown> | undefined;

  constructor(send: (note: string) => Promise<unknown>) {
    this.#send = send;
  }

  /** To be called after the commit: whoever hears of it looks at once. */
  changed(key: string): void {
    if (this.#keys.size <= MAX_KEYS) this.#keys.add(key);
    this.#wind();
  }

  /** Sends what has been gathered. Never rejects: a hint that is lost is made up for by polling. */
  async flush(): Promise<void> {
    while (this.#sending !== undefined || this.#keys.size > 0) {
      clearTimeout(this.#timer);
      await (this.#sending ?? this.#go());
    }
  }

  #wind(): void {
    if (this.#sending !== undefined || this.#keys.size === 0) return;
    this.#timer ??= setTimeout(() => void this.#go(), GATHER_MS);
  }

  async #go(): Promise<void> {
    this.#timer = undefined;
    const keys = this.#keys;
    this.#keys = new Set();
    const about = keys.size > MAX_KEYS ? '*' : Array.from(keys, hashOfKey).join(',');
    this.#sending = this.#send(`${SENDER} ${about}`).catch(() => undefined);
    await this.#sending;
    this.#sending = undefined;
    this.#wind();
  }
}
