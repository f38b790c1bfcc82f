/**
 * One reader's way through the feed. The feed holds keys and versions only; the records are read from their logs, so
 * that what was trimmed away or has expired is not given out any more.
 *
 * An entry of the stream is one append: `v` its first version, `n` how many there are, `k` the key as it is written in the
 * name of its log.
 */
import type { FeedEntry, Position } from 'dgents-core';
import type { Client } from './client.js';
import type { Names } from './names.js';
import { PAGE_BYTES } from './read.lua.js';
import { stretchOf } from './reading.js';
import { keyOfText } from './texts.js';

type Ask = <T>(work: (client: Client) => Promise<T>) => Promise<T>;

/** How far a reader is in one stream: the entry, and the version within it. */
interface Place {
  readonly id: string;
  readonly version: number;
}

/** An entry of a stream. */
interface Append {
  readonly id: string;
  readonly key: string;
  readonly first: number;
  readonly last: number;
}

type Told = FeedEntry extends infer Entry
  ? Entry extends FeedEntry
    ? Omit<Entry, 'position'>
    : never
  : never;

/** What is to be given, and where the reader is then. */
interface Item extends Place {
  readonly item: Told;
}

/** Entries of one page: each costs a look at its log. */
const PAGE = 64;

/** Logs that are looked at together at most: what they hold may be large. */
const TOGETHER = 16;

/** What there is to be given of an append. */
interface Part {
  readonly items: readonly Item[];
  readonly bytes: number;
  /** Where the reader is behind it. */
  readonly end: Place;
  /** Whether some of it is left. */
  readonly more: boolean;
}

const POSITION = /^([0-9a-f-]{36})((?:\.\w*:\d{1,18}-\d{1,18}:\d{1,16})+)$/;

export class FeedReader {
  readonly #names: Names;
  readonly #ask: Ask;
  readonly #location: string;
  /** The streams there are, by tag. */
  readonly #streams: () => Promise<readonly string[]>;
  readonly #after: Position | undefined;
  readonly #places = new Map<string, Place>();
  #store: string | undefined;

  constructor(
    names: Names,
    ask: Ask,
    location: string,
    streams: () => Promise<readonly string[]>,
    after: Position | undefined,
  ) {
    this.#names = names;
    this.#ask = ask;
    this.#location = location;
    this.#streams = streams;
    this.#after = after;
  }

  /** What comes next; nothing at the end. @throws RangeError at a position that this store has not given, or that it has lost since */
  async next(): Promise<FeedEntry[]> {
    this.#store ??= await this.#begin();
    const streams = await this.#streams();
    const pages = await Promise.all(streams.map((tag) => this.#pageOf(tag)));
    const given: FeedEntry[] = [];
    for (const { tag, items, end } of pages) {
      for (const { id, version, item } of items) {
        this.#places.set(tag, { id, version });
        given.push({ position: this.#store + this.#reached(), ...item } as FeedEntry);
      }
      if (end !== undefined) this.#places.set(tag, end);
    }
    return given;
  }

  /** The next of one stream that are to be given, and where the reader is after them. */
  async #pageOf(tag: string): Promise<{ tag: string; items: Item[]; end: Place | undefined }> {
    for (let end = this.#places.get(tag); ; ) {
      const place = end;
      const entries = await this.#entries(tag, place?.id ?? '-', '+', PAGE);
      // The first one is where the reader is: some of it may be left.
      if (place !== undefined && entries[0]?.id !== place.id) throw trimmed(place);
      const fresh = entries.filter(({ id, last }) => id !== place?.id || last > place.version);
      const { items, at } = await this.#page(fresh, place);
      const newest = entries.at(-1);
      if (at !== undefined) end = at;
      else if (newest !== undefined) end = { id: newest.id, version: newest.last };
      if (items.length > 0 || (at === undefined && entries.length < PAGE)) return { tag, items, end };
    }
  }

  /** As much of these as the bytes of a page allow. `at` is where that ends before the last of them. */
  async #page(
    appends: readonly Append[],
    place: Place | undefined,
  ): Promise<{ items: Item[]; at: Place | undefined }> {
    const items: Item[] = [];
    let bytes = 0;
    let size = 1;
    for (let i = 0; i < appends.length; ) {
      const some = appends.slice(i, i + size);
      const parts = await Promise.all(some.map((append) => this.#given(append, place)));
      const before = bytes;
      for (const part of parts) {
        for (const item of part.items) items.push(item);
        bytes += part.bytes;
        if (part.more) return { items, at: part.end };
      }
      i += some.length;
      if (bytes >= PAGE_BYTES && i < appends.length) return { items, at: parts.at(-1)?.end };
      const fitting = Math.floor(((PAGE_BYTES - bytes) * some.length) / Math.max(1, bytes - before));
      size = Math.max(1, Math.min(size * 4, TOGETHER, fitting));
    }
    return { items, at: undefined };
  }

  async #given({ id, key, first, last }: Append, place: Place | undefined): Promise<Part> {
    const from = Math.max(first, place?.id === id ? place.version + 1 : 0);
    const page = await this.#ask((client) =>
      stretchOf(client, this.#names.log(key), from, last, { key, location: this.#location }),
    );
    const whole = { id, version: last };
    // It has expired; or it was begun anew since, and what is there now has entries of its own.
    if (page === undefined || isBefore(id, page.born)) {
      return { items: [], bytes: page?.bytes ?? 0, end: whole, more: false };
    }
    const { floor, records, bytes, more } = page;
    const items: Item[] = [];
    if (floor > 1 && floor >= from && floor <= last) {
      items.push({ id, version: floor, item: { key, trimmed: { from: 1, to: floor } } });
    }
    for (const record of records) items.push({ id, version: record.version, item: { key, record } });
    return { items, bytes, end: more ? { id, version: records.at(-1)?.version ?? last } : whole, more };
  }

  async #entries(tag: string, from: string, to: string, count: number): Promise<Append[]> {
    const stream = this.#names.feedOf(tag);
    const entries = await this.#ask((client) => client.call('xrange', stream, from, to, 'COUNT', count));
    return (entries as readonly [id: string, fields: readonly string[]][]).map(appendOf);
  }

  /** Where it is in each stream. */
  #reached(): string {
    let reached = '';
    for (const [tag, { id, version }] of this.#places) reached += `.${tag}:${id}:${version}`;
    return reached;
  }

  async #begin(): Promise<string> {
    const { store } = this.#names;
    const name = await this.#ask(async (client) => {
      await client.call('set', store, crypto.randomUUID(), 'NX');
      return String(await client.call('get', store));
    });
    if (this.#after === undefined) return name;
    const [, given, places = ''] = POSITION.exec(this.#after) ?? [];
    if (given !== name) throw notIssued(this.#after);
    for (const part of places.split('.').slice(1)) {
      const [tag = '', id = '', version = ''] = part.split(':');
      const [entry] = await this.#entries(tag, id, id, 1);
      // Entries stay, so there is the one that it is in.
      const isWithin = entry !== undefined && entry.first <= Number(version) && Number(version) <= entry.last;
      if (!isWithin) throw notIssued(this.#after);
      this.#places.set(tag, { id: entry.id, version: Number(version) });
    }
    // Not in other words, either: with a stream twice, or zeros in front.
    if (this.#after !== name + this.#reached()) throw notIssued(this.#after);
    return name;
  }
}

function appendOf([id, fields]: readonly [string, readonly string[]]): Append {
  const [, first, , count, , key = ''] = fields;
  return { id, key: keyOfText(key), first: Number(first), last: Number(first) + Number(count) - 1 };
}

/** Ids of streams are two numbers. */
function isBefore(a: string, b: string): boolean {
  const [ms = '0', count = '0'] = a.split('-');
  const [otherMs = '0', otherCount = '0'] = b.split('-');
  if (ms !== otherMs) return Number(ms) < Number(otherMs);
  return Number(count) < Number(otherCount);
}

function trimmed({ id }: Place): RangeError {
  return new RangeError(
    `the feed no longer holds the entry ${id} that this reader is at, nor perhaps those behind it: begin anew`,
  );
}

function notIssued(position: Position): RangeError {
  return new RangeError(`this store has not issued the feed position ${JSON.stringify(position)}`);
}
