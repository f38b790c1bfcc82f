/** What the server promised when it was asked last, and whether that still holds. */
import { type Durability, StorageUnavailableError } from 'dgents-core';
import type { Client } from './client.js';
import type { Connection } from './connection.js';
import { durabilityOf } from './durability.js';

export class DeclaredDurability {
  readonly #connection: Connection;
  readonly #disks: number;
  #now: Durability = 'unknown';
  /** How often the connection had been lost when the server was asked; undefined: it was not. */
  #askedAt: number | undefined;
  #asking: Promise<void> | undefined;

  /** @param disks on the disks of how many replicas every acknowledged commit is */
  constructor(connection: Connection, disks: number) {
    this.#connection = connection;
    this.#disks = disks;
  }

  /** `unknown` until the server was asked. */
  get now(): Durability {
    return this.#now;
  }

  /** @throws StorageUnavailableError when the connection is lost meanwhile */
  async ask(client: Client): Promise<void> {
    const { losses, location } = this.#connection;
    const durability = await durabilityOf(client, this.#disks);
    if (losses !== this.#connection.losses) {
      throw new StorageUnavailableError(
        `The connection to ${location} was lost. Nothing was written: try again.`,
      );
    }
    this.#now = durability;
    this.#askedAt = losses;
  }

  /** Whether a promise was given before the connection was lost: less cannot be broken. */
  get isOld(): boolean {
    if (this.#now !== 'power' && this.#now !== 'process') return false;
    return this.#askedAt !== this.#connection.losses;
  }

  /**
   * Asks anew: behind another connection there may be another server.
   *
   * @throws StorageUnavailableError when it promises less: who requires more is refused from now on
   */
  async renew(client: Client): Promise<void> {
    await this.#renewed(client, 'Nothing was written: try again if that is enough.');
  }

  /**
   * The same for what was written meanwhile: some drivers send it again, and so to another server.
   *
   * @throws StorageUnavailableError when it promises less than was promised before it was sent
   */
  async assertKept(client: Client): Promise<void> {
    while (this.isOld) await this.#renewed(client, 'What was written meanwhile may be lost.');
  }

  async #renewed(client: Client, told: string): Promise<void> {
    const promised = this.#now;
    this.#asking ??= this.ask(client).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
    if (this.#now === promised) return;
    throw new StorageUnavailableError(
      `${this.#connection.location} promises durability "${this.#now}" since the connection was lost, not "${promised}" any more. ${told}`,
    );
  }
}
