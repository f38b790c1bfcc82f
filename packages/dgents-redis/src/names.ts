/**
 * What the keys of one store in Redis are called:
 *
 *     <prefix>/log/<key>      the log of a key, a list
 *     <prefix>/feed           what was committed, a stream; on a Cluster one for each slot, <prefix>/feed{<its tag>}
 *     <prefix>/feeds          the slots that have one, on a Cluster
 *     <prefix>/store          the name of the store, by which positions of the feed are told apart from those of others
 *
 * With a hash tag the prefix is `<prefix>{<tag>}`: everything lies in one slot. No prefix holds a slash, so that the
 * keys of one store are never those of another.
 */
import { UnsupportedError } from 'dgents-core';
import { keyOfText, textOfKey } from './texts.js';

const PREFIX = /^[A-Za-z0-9_.:-]{1,100}$/;

/** @throws UnsupportedError when it is not letters, digits, `_`, `.`, `:` and `-`, or longer than 100 */
function checked(what: 'prefix' | 'hashTag', name: string): string {
  if (typeof name === 'string' && PREFIX.test(name)) return name;
  throw new UnsupportedError(
    `${what} is 1 to 100 letters, digits and any of _ . : -, not ${JSON.stringify(name)}.`,
  );
}

export class Names {
  readonly #start: string;
  readonly feed: string;
  readonly feeds: string;
  readonly store: string;
  /** What the names of logs begin with. */
  readonly logs: string;

  constructor(prefix = 'dgents', hashTag?: string) {
    this.#start =
      checked('prefix', prefix) + (hashTag === undefined ? '' : `{${checked('hashTag', hashTag)}}`);
    this.logs = `${this.#start}/log/`;
    this.feed = `${this.#start}/feed`;
    this.feeds = `${this.#start}/feeds`;
    this.store = `${this.#start}/store`;
  }

  log(key: string): string {
    return this.logs + textOfKey(key);
  }

  keyOfLog(name: string): string {
    return keyOfText(name.slice(this.logs.length));
  }

  /** The feed of the slot that a tag lies in; without one, that of the store. */
  feedOf(tag: string): string {
    return tag === '' ? this.feed : `${this.feed}{${tag}}`;
  }

  /** What is there as soon as anything was written with a feed. */
  feedMark(isOne: boolean): string {
    return isOne ? this.feed : this.feeds;
  }

  /** What the channels of all logs begin with. Channels of a server are those of all its databases. */
  channels(database: number, keyPrefix: string): string {
    return `${this.#start}/changes/${database}/${keyPrefix}`;
  }
}
