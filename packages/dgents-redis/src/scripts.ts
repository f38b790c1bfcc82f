/** Runs scripts by their digest, and sends the text where the server has not got it. */
import { createHash } from 'node:crypto';
import type { Client } from './client.js';
import { isNoScript } from './errors.js';

export class Script {
  readonly #text: string;
  readonly #digest: string;

  constructor(text: string) {
    this.#text = text;
    this.#digest = createHash('sha1').update(text).digest('hex');
  }

  /**
   * One round trip. A server that was restarted, or a node that comes to a Cluster, gets the text in another one: it has
   * not run anything before.
   */
  async run(client: Client, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.call('evalsha', [this.#digest, keys.length, ...keys, ...values]);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      return client.call('eval', [this.#text, keys.length, ...keys, ...values]);
    }
  }

  /** The same, with answers as bytes: they are looked at before any text is made of them. */
  async ask(client: Client, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.callBuffer('evalsha', [this.#digest, keys.length, ...keys, ...values]);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      return client.callBuffer('eval', [this.#text, keys.length, ...keys, ...values]);
    }
  }
}
