/** Hears over a connection of its own what is committed, while anybody here waits for it. */
import type { Client } from './client.js';
import type { Connection } from './connection.js';
import type { Names } from './names.js';
import { patternOf, textOfKey } from './texts.js';

/** Where watches come and go, the next one finds the connection still open. */
const LINGER_MS = 1_000;

/** Stands for all keys. */
const ANY = '*';

export class Hearing {
  readonly #connection: Connection;
  readonly #names: Names;
  /** By channel; {@link ANY} for all. */
  readonly #wakers = new Map<string, Set<() => void>>();
  /** Channels that are subscribed to, on the connection as it is. */
  readonly #heard = new Set<string>();
  #line: Promise<Client> | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: Connection, names: Names) {
    this.#connection = connection;
    this.#names = names;
  }

  /** Whether what is written to a key, or to any, is heard. */
  hears(key?: string): boolean {
    return this.#heard.has(this.#channelOf(key));
  }

  /** Calls `wake` when a key may have changed, or, without one, when any may have. Returns how to stop. */
  hear(key: string | undefined, wake: () => void): () => void {
    const channel = this.#channelOf(key);
    const wakers = this.#wakers.get(channel) ?? new Set();
    this.#wakers.set(channel, wakers.add(wake));
    clearTimeout(this.#leaving);
    void this.#subscribe(channel);
    return () => {
      wakers.delete(wake);
      if (wakers.size > 0 || this.#wakers.get(channel) !== wakers) return;
      this.#wakers.delete(channel);
      void this.#unsubscribe(channel);
      if (this.#wakers.size === 0) this.#leave();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  #channelOf(key: string | undefined): string {
    return key === undefined ? ANY : textOfKey(key);
  }

  #leave(): void {
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => void this.#end(), LINGER_MS);
    this.#leaving.unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#leaving);
    const line = this.#line;
    this.#line = undefined;
    this.#heard.clear();
    const client = await line?.catch(() => undefined);
    client?.disconnect();
  }

  async #subscribe(channel: string): Promise<void> {
    if (this.#closed) return;
    try {
      this.#line ??= this.#open();
      const client = await this.#line;
      if (client.status !== 'ready') return; // It subscribes to all when it is.
      await this.#say(client, 'subscribe', channel);
    } catch {
      // Without hints a watch looks more often.
    }
  }

  async #unsubscribe(channel: string): Promise<void> {
    if (!this.#heard.delete(channel)) return;
    try {
      const client = await this.#line;
      if (client?.status === 'ready') await this.#say(client, 'unsubscribe', channel);
    } catch {
      // What is heard in vain wakes nobody.
    }
  }

  async #say(client: Client, what: 'subscribe' | 'unsubscribe', channel: string): Promise<void> {
    const start = this.#connection.channels(this.#names, client);
    const command = channel === ANY ? `p${what}` : what;
    const name = channel === ANY ? `${patternOf(start)}*` : start + channel;
    await client[command as 'subscribe'](name);
    if (what === 'unsubscribe' || !this.#wakers.has(channel)) return;
    this.#heard.add(channel);
    // What came before was not heard.
    this.#wake(channel);
  }

  async #open(): Promise<Client> {
    const client = await this.#connection.another(() => this.#wakers.size > 0 && !this.#closed);
    const gone = () => {
      // They have waited for hints; now they have to look more often.
      const lost = [...this.#heard];
      this.#heard.clear();
      for (const channel of lost) this.#wake(channel);
    };
    client.on('error', () => undefined);
    client.on('close', gone);
    client.on('end', () => {
      gone();
      this.#line = undefined;
    });
    client.on('ready', () => {
      for (const channel of this.#wakers.keys()) void this.#subscribe(channel);
    });
    client.on('message', (name: string) => {
      const start = this.#connection.channels(this.#names, client);
      this.#wake(name.slice(start.length));
    });
    client.on('pmessage', () => this.#wake(ANY));
    client.connect().catch(() => undefined);
    return client;
  }

  #wake(channel: string): void {
    for (const wake of [...(this.#wakers.get(channel) ?? [])]) wake();
  }
}
