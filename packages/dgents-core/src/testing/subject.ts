/** What is tested, and how the kit gets at it. */
import { inspect } from 'node:util';
import type { Backend, BackendCapabilities } from '../backend.js';
import { PROMISES, type PromiseName } from './promises.js';
import { SubjectError } from './support/verdicts.js';

/** Given at once or later. */
export type Awaitable<T> = T | Promise<T>;

/** What a backend claims: the capabilities that decide which facts apply. What is left out is not claimed. */
export interface BackendClaims
  extends Partial<
    Pick<
      BackendCapabilities,
      | 'durability'
      | 'sharing'
      | 'atomicity'
      | 'feed'
      | 'watch'
      | 'ttl'
      | 'orderedKeys'
      | 'values'
      | 'materializes'
      | 'joins'
    >
  > {
  /** Whether the method `find` is there. */
  readonly find?: boolean;
}

/** A failure of the medium that goes on until it is ended. */
export interface Outage {
  /** Lets the medium work again. */
  end(): Awaitable<void>;
}

/**
 * A backend to be tested. `Place` is whatever tells `open` where an empty store for one test lies: a directory, a table
 * prefix, a server's database number.
 */
export interface BackendSubject<Place = unknown> {
  /** For people: names the tests. */
  readonly name: string;
  readonly claims: BackendClaims;
  /** Makes an empty place for one test. */
  create(): Awaitable<Place>;
  /** Opens a handle on it; called again for a second handle, and after closing, to find what was left. */
  open(place: Place): Awaitable<Backend>;
  /** Removes the place. Every handle the kit has opened is closed by then. */
  destroy(place: Place): Awaitable<void>;
  /**
   * The path or URL of a JavaScript module that exports `open` as above (by itself, or in its default export): the kit
   * imports it in processes of its own, and kills them. `export const importFrom = import.meta.url` where it is this one. The place has to survive `JSON.stringify` then. Needed where
   * durability or sharing beyond the process is claimed.
   */
  readonly importFrom?: string | URL;
  /** Moves the clock of the store forward. Without it the kit waits. */
  advance?(place: Place, ms: number): Awaitable<void>;
  /** Breaks the medium under every open handle: a stopped server, a full or failing disk. */
  outage?(place: Place): Awaitable<Outage>;
  /**
   * Damages what is stored under this key, as a bad disk would: a few bytes of its newest record, and of its head where
   * that is kept apart. A commit looks at the one or the other, and has to find out.
   */
  damage?(place: Place, key: string): Awaitable<void>;
  /** Promises that cannot be tested in this set-up, each with the reason, which every summary repeats. */
  readonly waivers?: Partial<Readonly<Record<PromiseName, string>>>;
}

/** What can be claimed, besides yes and no. */
const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  durability: ['none', 'process', 'power', 'unknown'],
  sharing: ['process', 'host', 'network'],
  atomicity: ['key', 'store'],
  feed: [false, 'global', 'partitioned'],
  conflicts: ['immediate', 'deferred'],
  reads: ['forwarded', 'cached'],
  saves: ['forwarded', 'by update'],
};

/** The least that a backend may claim. */
export const NOTHING_CLAIMED: Required<BackendClaims> = {
  durability: 'none',
  sharing: 'process',
  atomicity: 'key',
  feed: false,
  watch: false,
  ttl: false,
  orderedKeys: false,
  values: false,
  materializes: false,
  find: false,
  joins: false,
};

/** A subject with every claim spelled out. */
export interface GivenBackend extends BackendSubject<never> {
  readonly claims: Required<BackendClaims>;
}

export function spelledOut<Place>(subject: BackendSubject<Place>): GivenBackend {
  return { ...subject, claims: withDefaults(subject.claims, NOTHING_CLAIMED) } as GivenBackend;
}

/**
 * The claims, with what was left out.
 * @throws SubjectError for a claim that is none, or has a value that it cannot have: it would read as not claimed
 */
export function withDefaults<Claims extends object>(
  claims: Partial<Claims> | undefined,
  defaults: Claims,
): Claims {
  const unknown = Object.keys(claims ?? {}).filter((name) => !(name in defaults));
  if (unknown.length > 0) {
    throw new SubjectError(
      `Nothing to claim is called ${unknown.join(', ')}. There are: ${Object.keys(defaults).join(', ')}.`,
    );
  }
  const all = { ...defaults };
  for (const [name, value] of Object.entries(claims ?? {})) {
    if (value === undefined) continue;
    const choices = CHOICES[name] ?? [true, false];
    if (!choices.includes(value)) {
      const listed = choices.map((choice) => inspect(choice)).join(', ');
      throw new SubjectError(`\`${name}\` cannot be claimed as ${inspect(value)}. There are: ${listed}.`);
    }
    Object.assign(all, { [name]: value });
  }
  return all;
}

/**
 * The promises that are waived, with their reasons.
 * @throws SubjectError for one that is none: misspelt, it would be tried
 */
export function waivedOf(
  waivers: Partial<Readonly<Record<PromiseName, string>>> = {},
): ReadonlyMap<PromiseName, string> {
  const unknown = Object.keys(waivers).filter((name) => !Object.hasOwn(PROMISES, name));
  if (unknown.length === 0) return new Map(Object.entries(waivers) as [PromiseName, string][]);
  throw new SubjectError(
    `No promise to waive is called ${unknown.join(', ')}. There are: ${Object.keys(PROMISES).join(', ')}.`,
  );
}

/**
 * An empty place for one test.
 * @throws SubjectError when `create` gives none
 */
export async function newPlace(subject: { create(): unknown }): Promise<unknown> {
  const place = await subject.create();
  if (place !== undefined) return place;
  throw new SubjectError(
    '`create` gives undefined: it has to give the empty place that `open` is called with.',
  );
}
