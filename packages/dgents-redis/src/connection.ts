/** One connection to the server: ours, made when it is first needed, or one that was handed in. */
import type { EventEmitter } from 'node:events';
import { StorageUnavailableError } from 'dgents-core';
import type { Redis } from 'ioredis';
import { type Client, isCluster, locationOf, newClient, type Place } from './client.js';
import { isForGood, redisError } from './errors.js';
import type { Names } from './names.js';

/** How long a call waits for a connection, within its own time: a restart takes about as long. */
const PATIENCE_MS = 2_000;

/** How many commands leave together. */
const PIECE = 16;

/** How many calls may wait for a connection. */
const MAX_WAITING = 10_000;

/** Before the end of a call's time, so that it is told why there is no connection. */
const MARGIN_MS = 5;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (why: string) => void;
}

interface Corkable {
  cork(): void;
  uncork(): void;
}

interface Refable {
  ref?(): unknown;
  unref?(): unknown;
}

export class Connection {
  readonly location: string;
  readonly #place: Place | undefined;
  #client: Client | undefined;
  #making: Promise<Client> | undefined;
  #lastError: unknown;
  /** Why the connection is in another database than it should be. */
  #misplaced: unknown;
  /** The same of the connection before: what is told of it while there is no other one. */
  #wasMisplaced: unknown;
  readonly #waiters = new Set<Waiter>();
  #inUse = 0;
  /** How many commands this turn has sent so far. */
  #gathered = 0;
  /** How often it was lost: what a server says of a connection is of this one only while the number is the same. */
  losses = 0;
  /** The same, counting connections to the nodes of a Cluster: some drivers send again what was under way then. */
  cuts = 0;
  #closed = false;

  constructor(place: Place & { readonly client?: Client }) {
    this.location = locationOf(place);
    if (place.client === undefined) this.#place = place;
    else {
      this.#client = place.client;
      this.#listenTo(place.client);
    }
  }

  get isShared(): boolean {
    return this.#place === undefined;
  }

  /** The client when it can be used at once: commands of one turn then leave together. */
  get now(): Client | undefined {
    const client = this.#client;
    return client !== undefined && this.#misplaced === undefined && isUsable(client) ? client : undefined;
  }

  /** Keeps the process alive until the function that is returned is called: an idle connection does not. */
  hold(): () => void {
    if (this.#inUse++ === 0) this.#forStreams((stream) => stream.ref?.());
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#inUse === 0) this.#forStreams((stream) => stream.unref?.());
    };
  }

  /**
   * Resolves once commands can be sent.
   *
   * @throws StorageUnavailableError when there is no connection for two seconds, or for as long as the call may take
   */
  async ready(timeoutMs = Number.POSITIVE_INFINITY): Promise<Client> {
    const began = performance.now();
    const client = this.#client ?? (await this.#made());
    if (this.#misplaced !== undefined) throw this.#unavailable('its database could not be selected');
    if (isUsable(client)) return client;
    if (this.#waiters.size >= MAX_WAITING) throw this.#unavailable('too many calls wait for a connection');
    if (client.status === 'wait' || client.status === 'end') {
      if (this.isShared && client.status === 'end') throw this.#unavailable('the client was closed');
      client.connect().catch(this.#listeners.error);
    }
    const patienceMs = Math.min(PATIENCE_MS, timeoutMs - (performance.now() - began) - MARGIN_MS);
    await this.#becomesReady(Math.max(1, patienceMs));
    if (this.#misplaced !== undefined) throw this.#unavailable('its database could not be selected');
    return client;
  }

  /**
   * What is sent in this turn leaves in few pieces: the driver would hand every command to the system by itself, which
   * costs more than all else together. Not in one, so that the server begins while the rest is made ready.
   */
  gather(client: Client): void {
    const { stream } = client as unknown as { stream?: Corkable | null };
    if (isCluster(client) || !stream?.cork) return;
    if (this.#gathered === 0) {
      // After everything that has been settled already has gone on.
      process.nextTick(() => {
        this.#gathered = 0;
        stream.uncork();
      });
      stream.cork();
    } else if (this.#gathered % PIECE === 0) {
      stream.uncork();
      stream.cork();
    }
    this.#gathered++;
  }

  /** Another connection like this one, for what a connection can do only by itself. */
  another(isWanted: () => boolean): Promise<Client> {
    if (this.#place !== undefined) return newClient(this.#place, isWanted);
    const client = this.#client as Client;
    if (isCluster(client)) return Promise.resolve(client.duplicate([], { lazyConnect: true }));
    const options = { lazyConnect: true, retryStrategy: undefined, db: databaseOf(client) };
    return Promise.resolve(client.duplicate(options));
  }

  /** What the channels of all logs begin with: of this database, and this prefix of the client. */
  channels(names: Names, client: Client): string {
    const { keyPrefix = '' } = client.options;
    return names.channels(isCluster(client) ? 0 : databaseOf(client), keyPrefix);
  }

  async close(): Promise<void> {
    this.#closed = true;
    // Of calls that were given up: nobody waits for them any more.
    this.#refuseAll('it was closed');
    if (this.isShared) {
      if (this.#client !== undefined) this.#leave(this.#client);
      return;
    }
    const client = this.#client ?? (await this.#making?.catch(() => undefined));
    client?.disconnect();
  }

  /** Listeners that stay as long as the connection is used; without one the driver would write to the console. */
  readonly #listeners = {
    error: (error: unknown): void => {
      this.#lastError = error;
      if (isOfSelect(error)) this.#misplace(error);
      if (isForGood(error)) this.#refuseAll('it was refused');
    },
    connect: (): void => this.#settleStreams(),
    ready: (): void => {
      this.#settleStreams();
      if (this.#misplaced === undefined) this.#lastError = this.#wasMisplaced = undefined;
      for (const { resolve } of [...this.#waiters]) resolve();
    },
    close: (): void => {
      this.losses++;
      this.cuts++;
      this.#wasMisplaced = this.#misplaced ?? this.#wasMisplaced;
      this.#misplaced = undefined;
    },
    end: (): void => this.#refuseAll('the connection was closed'),
  };

  #listenTo(client: Client): void {
    for (const [name, listener] of Object.entries(this.#listeners)) client.on(name, listener);
    if (this.isShared) allowMore(client, 1);
    if (!isCluster(client)) return;
    client.on('node error', this.#listeners.error);
    client.on('+node', this.#nodeAdded);
    for (const node of client.nodes('all')) this.#nodeAdded(node);
  }

  #leave(client: Client): void {
    for (const [name, listener] of Object.entries(this.#listeners)) client.off(name, listener);
    allowMore(client, -1);
    if (!isCluster(client)) return;
    client.off('node error', this.#listeners.error).off('+node', this.#nodeAdded);
    for (const node of client.nodes('all')) {
      for (const [name, listener] of Object.entries(this.#nodeListeners)) node.off(name, listener);
      allowMore(node, -1);
    }
  }

  readonly #nodeListeners = {
    ready: (): void => this.#settleStreams(),
    close: (): void => void this.cuts++,
  };

  readonly #nodeAdded = (node: EventEmitter): void => {
    if (this.isShared) allowMore(node, 1);
    for (const [name, listener] of Object.entries(this.#nodeListeners)) node.on(name, listener);
  };

  /** The driver goes on in database 0, where the states of somebody else may be: nothing is sent, and it connects again. */
  #misplace(error: unknown): void {
    this.#misplaced = error;
    this.#refuseAll('its database could not be selected');
    if (!this.isShared && this.#client !== undefined && !isCluster(this.#client))
      this.#client.disconnect(true);
  }

  #refuseAll(why: string): void {
    for (const { reject } of [...this.#waiters]) reject(why);
  }

  #made(): Promise<Client> {
    this.#making ??= newClient(this.#place as Place, () => this.#inUse > 0 && !this.#closed).then(
      (client) => {
        this.#listenTo(client);
        this.#client = client;
        return client;
      },
      (error) => {
        this.#making = undefined;
        throw error;
      },
    );
    return this.#making;
  }

  #becomesReady(patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (why: string) => {
          settle();
          reject(this.#unavailable(why));
        },
      };
      const timer = setTimeout(
        () => waiter.reject(`no connection for ${Math.round(patienceMs)} ms`),
        patienceMs,
      );
      this.#waiters.add(waiter);
    });
  }

  #unavailable(why: string): unknown {
    const told = this.#misplaced ?? this.#wasMisplaced ?? this.#lastError;
    const cause = told ?? new StorageUnavailableError(`Cannot use ${this.location}: ${why}.`);
    return redisError(cause, this.location);
  }

  #settleStreams(): void {
    if (this.#inUse === 0) this.#forStreams((stream) => stream.unref?.());
  }

  #forStreams(work: (stream: Refable) => void): void {
    const client = this.#client;
    if (client === undefined || this.isShared) return;
    const clients = isCluster(client) ? client.nodes('all') : [client];
    for (const each of clients) {
      // A private field of the driver, and the only way not to keep the process alive.
      const { stream } = each as unknown as { stream?: Refable | null };
      if (stream) work(stream);
    }
  }
}

/** Its owner may have selected another one than that of its options. */
function databaseOf(client: Redis): number {
  const { condition } = client as unknown as { condition?: { select?: number } | null };
  return condition?.select ?? client.options.db ?? 0;
}

/** Any number of backends may share a client. */
function allowMore(emitter: EventEmitter, by: 1 | -1): void {
  const most = emitter.getMaxListeners();
  if (most > 0 && most + by > 0) emitter.setMaxListeners(most + by);
}

function isOfSelect(error: unknown): boolean {
  return (error as { command?: { name?: unknown } } | null)?.command?.name === 'select';
}

/** A stream that is being closed takes no more, and the driver has not noticed yet. */
function isUsable(client: Client): boolean {
  if (client.status !== 'ready') return false;
  const { stream } = client as unknown as { stream?: { readonly writable: boolean } | null };
  return isCluster(client) || stream === undefined || stream === null || stream.writable;
}
