/** Which streams a projection reads, and how their records become the events that the program knows. */
import { type LogRecord, UnsupportedError } from 'dgents-core';
import { EventReader } from 'dgents-core/folding';
import type { AnyEvent, StreamDefinition } from '../stream/definition.js';
import { type FoldRules, rulesOf } from '../stream/fold-rules.js';
import { type Recorded, recordedOf } from '../stream/recorded.js';

/** Any definition of streams, whatever their events and states are. */
export interface AnyStream {
  readonly initial: () => unknown;
  readonly fold: object;
}

/** The events of the streams of a definition. */
export type EventsOf<D> = D extends StreamDefinition<infer E, infer _S, infer _C> ? E : never;

/** Streams of one kind: those whose keys start with `prefix`, or that `match` says. */
export interface StreamSource<D extends AnyStream = AnyStream> {
  readonly definition: D;
  readonly prefix?: string;
  /** Pure: the same answer for the same key, at any time. */
  readonly match?: (key: string) => boolean;
}

interface Source {
  readonly matches: (key: string) => boolean;
  readonly rules: FoldRules;
  readonly reader: EventReader;
}

export class Sources {
  private readonly all: readonly Source[];
  /** Every key that is read starts with one of these; undefined where that is not known. */
  readonly prefixes: readonly string[] | undefined;

  /** @throws TypeError */
  constructor(given: readonly StreamSource[]) {
    if (!Array.isArray(given) || given.length === 0) {
      throw new TypeError("`streams` says what is read: `[{ prefix: 'account:', definition: account }]`.");
    }
    this.all = given.map(sourceOf);
    const prefixes = given.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix]));
    this.prefixes = prefixes.length === given.length && !prefixes.includes('') ? prefixes : undefined;
  }

  /** The types of events that there can be; undefined where that is not known. */
  get types(): readonly string[] | undefined {
    const types = this.all.map(({ rules }) => rules.types);
    return types.includes(undefined) ? undefined : [...new Set(types.flatMap((some) => some ?? []))];
  }

  reads(key: string): boolean {
    return this.of(key) !== undefined;
  }

  /**
   * What a record says, as the program knows it now; null: an event that `retired` leaves out.
   * An event that was stored is not checked by the `events` schema of its stream again, unless it is upcast.
   * @throws EventFoldError for one that its stream does not know
   * @throws StateCorruptionError, MigrationError, StateValidationError for what cannot be read
   */
  recorded<E extends AnyEvent>(key: string, record: LogRecord): Recorded<E> | null {
    const source = this.of(key);
    if (source === undefined) throw new UnsupportedError(`The projection does not read "${key}".`, { key });
    const event = source.rules.foldable(source.reader.read(key, record), record);
    return event === null ? null : recordedOf<E>(key, record, event);
  }

  private of(key: string): Source | undefined {
    return this.all.find(({ matches }) => matches(key));
  }
}

function sourceOf({ definition, prefix, match }: StreamSource): Source {
  if ((prefix === undefined) === (match === undefined)) {
    throw new TypeError('A stream of a projection is told by its `prefix` or by `match`, one of them.');
  }
  const { codec, transforms } = definition as StreamDefinition<AnyEvent, unknown>;
  return {
    matches: match ?? ((key) => key.startsWith(prefix as string)),
    rules: rulesOf(definition as StreamDefinition<AnyEvent, unknown>),
    reader: new EventReader({
      ...(codec === undefined ? {} : { codec }),
      ...(transforms === undefined ? {} : { transforms }),
    }),
  };
}
