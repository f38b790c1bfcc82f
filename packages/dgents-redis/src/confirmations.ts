/**
 * Waits until replicas, or disks, have what was written. What is waited for is the last write of the connection, so
 * commits share questions. One is asked at a time, and a short one, since the connection does nothing else meanwhile.
 */
import { StorageUnavailableError, UnsupportedError } from 'dgents-core';
import type { Client } from './client.js';
import type { Connection } from './connection.js';
import { Script } from './scripts.js';

export interface ConfirmOptions {
  /** Acknowledge a commit when so many replicas have it (WAIT). */
  readonly waitReplicas?: number;
  /**
   * Acknowledge a commit when it is on the disk of the master (`local: 1`) and of so many replicas (WAITAOF, Redis 7.2 or
   * newer).
   */
  readonly waitAof?: { readonly local: 0 | 1; readonly replicas: number };
}

/** For a call without a deadline. */
const PATIENCE_MS = 5_000;
/** Shorter than the silence after which a connection is given up. */
const QUESTION_MS = 1_000;
/** Kept of a call's time, so that it is told how many have confirmed: servers answer up to 100 ms late. */
const SPARE_MS = 200;

/** Writes what is there once more: replicas that have this have all that was written before, by whomever. */
const touching = new Script(`
local header = redis.call('LINDEX', KEYS[1], 0)
if not header then return 0 end
redis.call('LSET', KEYS[1], 0, header)
return 1
`);

/** How many replicas have it; on how many disks it is, here and there. */
type Counts = readonly [replicas: number, local: number, disks: number];

/** @throws StorageUnavailableError */
function lost(cause?: unknown): never {
  throw new StorageUnavailableError(
    'The commit was made, and the connection was lost before it was confirmed: a failover may lose it.',
    { cause },
  );
}

/** The answer, or undefined when there is none by then. */
async function inTime<T>(answer: Promise<T>, end: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, end - performance.now(), undefined);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws RangeError when a count is none */
export function checkConfirm({ waitReplicas, waitAof }: ConfirmOptions): void {
  for (const count of [waitReplicas, waitAof?.local, waitAof?.replicas]) {
    if (count === undefined || (Number.isInteger(count) && count >= 0)) continue;
    throw new RangeError(`waitReplicas and waitAof take whole numbers, not ${count}`);
  }
}

export class Confirmations {
  readonly #options: ConfirmOptions;
  readonly #connection: Connection;
  /** The question that is being answered, and the one after it, which covers what is written until it is asked. */
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<Counts> | undefined;
  /** Until when somebody waits for the next question. */
  #nextUntil = Number.POSITIVE_INFINITY;
  #isKnown = false;

  constructor(options: ConfirmOptions, connection: Connection) {
    this.#options = options;
    this.#connection = connection;
  }

  get isAsked(): boolean {
    const { waitReplicas = 0, waitAof } = this.#options;
    return waitReplicas > 0 || waitAof !== undefined;
  }

  /** On the disks of how many replicas every acknowledged commit is. */
  get disks(): number {
    return this.#options.waitAof?.replicas ?? 0;
  }

  /** @throws UnsupportedError where the server has no WAITAOF: before anything is written */
  async check(client: Client): Promise<void> {
    if (this.#isKnown || this.#options.waitAof === undefined) return;
    const [found] = (await client.call('command', 'INFO', 'WAITAOF')) as readonly unknown[];
    if (!found) {
      throw new UnsupportedError(
        `${this.#connection.location} has no WAITAOF, which waitAof needs: Redis 7.2 or newer has.`,
      );
    }
    this.#isKnown = true;
  }

  /**
   * The same for what a log has already, whoever wrote it.
   *
   * @throws as {@link wait}
   */
  async waitFor(client: Client, log: string, losses: number, until: number): Promise<void> {
    if (Number(await touching.run(client, [log], [])) === 0) return;
    await this.wait(client, losses, until);
  }

  /**
   * @param losses of the connection before the commit was sent
   * @param until by `performance.now()`
   * @throws StorageUnavailableError when they are not enough in time: the commit is there, and may be lost in a failover
   */
  async wait(client: Client, losses: number, until: number): Promise<void> {
    const began = performance.now();
    const over = Number.isFinite(until) ? Math.max(until, began + 1) : began + PATIENCE_MS;
    const spareMs = Math.min(SPARE_MS, (over - began) / 2);
    const end = over - spareMs;
    for (;;) {
      const counts = await inTime(this.#question(client, end), end + spareMs * 0.75).catch(lost);
      // Another connection has written nothing that could be waited for.
      if (this.#connection.losses !== losses) lost();
      if (counts !== undefined && this.#isEnough(counts)) return;
      if (counts === undefined || performance.now() >= end) throw this.#notConfirmed(counts);
    }
  }

  #isEnough([replicas, local, disks]: Counts): boolean {
    const { waitReplicas = 0, waitAof } = this.#options;
    if (replicas < waitReplicas) return false;
    return waitAof === undefined || (local >= waitAof.local && disks >= waitAof.replicas);
  }

  /** @param counts undefined where the server does not even say */
  #notConfirmed(counts: Counts | undefined): StorageUnavailableError {
    const { waitReplicas = 0, waitAof } = this.#options;
    const [replicas, local, disks] = counts ?? ['?', '?', '?'];
    const found: string[] = [];
    if (waitReplicas > 0) found.push(`${replicas} of ${waitReplicas} replicas`);
    if (waitAof !== undefined) {
      found.push(
        `${local} of ${waitAof.local} disks of its own`,
        `${disks} of ${waitAof.replicas} disks of replicas`,
      );
    }
    return new StorageUnavailableError(
      `${this.#connection.location} has the commit, and ${found.join(', ')} confirmed it in time: a failover may lose it.`,
    );
  }

  /** Asked when the one before it is answered; whoever comes until then shares it. */
  #question(client: Client, until: number): Promise<Counts> {
    this.#nextUntil = Math.min(this.#nextUntil, until);
    if (this.#next !== undefined) return this.#next;
    const question = this.#current.then(() => {
      const ms = Math.min(QUESTION_MS, this.#nextUntil - performance.now());
      this.#next = undefined;
      this.#nextUntil = Number.POSITIVE_INFINITY;
      // 0 would be for ever.
      return this.#ask(client, Math.max(1, Math.ceil(ms)));
    });
    this.#next = question;
    this.#current = question.catch(() => undefined);
    return question;
  }

  async #ask(client: Client, ms: number): Promise<Counts> {
    const { waitReplicas = 0, waitAof } = this.#options;
    const [replicas, disks] = await Promise.all([
      waitReplicas > 0 ? client.call('wait', waitReplicas, ms) : 0,
      waitAof === undefined ? [0, 0] : client.call('waitaof', waitAof.local, waitAof.replicas, ms),
    ]);
    const [local, there] = disks as readonly unknown[];
    return [Number(replicas), Number(local), Number(there)];
  }
}
