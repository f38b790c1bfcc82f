/**
 * States that are made of events: what a definition adds for a log of events, and how a replay folds them.
 *
 *     state before ──event──▶ rules.apply ──event──▶ rules.apply ──▶ diff with the state before ──▶ checked, private, shared
 *
 * A fold is the user's code. What it is given is frozen, or belongs to nobody else; what it gives is checked and taken
 * over once, at the end of a replay, and shares with the state before whatever is the very same object.
 */
import type { LogRecord } from '../backend.js';
import type { Codec, Json } from '../codec/codec.js';
import { jsonBytes } from '../codec/measure.js';
import type { Traits } from '../codec/traits.js';
import type { Definition } from './definition.js';
import { type Base, diff, documentOf } from './diff.js';

/** What lies behind the newest starting point of a log. */
export interface Tail {
  readonly records: number;
  /** What they weigh as text. */
  readonly bytes: number;
  /** What the state weighs. */
  readonly stateBytes: number;
}

/** What makes a state of events. One object for all agents that fold alike: they share their replica of the log. */
export interface EventRules {
  /** The state before the first event: a fresh one at each call. */
  initial(): unknown;
  /**
   * The state after an event. A pure function of both: it changes neither, and knows no clock and no randomness.
   * @param event as it was stored, decoded
   */
  apply(state: unknown, event: unknown, record: Pick<LogRecord, 'version' | 'schema'>): unknown;
  /** An event as the program knows it now, whenever it was written; null: left out. */
  current(event: unknown, record: Pick<LogRecord, 'version' | 'schema'>): unknown;
  /** Whether a snapshot is worth writing. */
  snapshotDue(tail: Tail): boolean;
  /**
   * The state is what `initial` gives, whatever has happened: of a log just its end is read, however long it is. For those
   * who keep events and make nothing of them.
   */
  readonly isConstant?: boolean;
  /** The events that lead from one state to another. Without it such a change is stored as the state that it makes. */
  readonly diff?: ((previous: unknown, next: unknown) => readonly unknown[]) | undefined;
}

/** A state that folding starts from, or has led to. */
export interface Folded {
  readonly value: unknown;
  readonly traits: Traits;
  /** Length of the encoded value; negative while unknown. */
  readonly bytes: number;
}

/** In memory an event has no text: what it weighs is of interest for snapshots only, and about this. */
const UNTOLD_BYTES = 128;

/** One replay. */
export class Folding {
  private value: unknown;

  constructor(
    private readonly definition: Definition,
    private readonly rules: EventRules,
    private readonly key: string,
    private base: Folded,
  ) {
    this.value = definition.codec.freeze(base.value);
  }

  /** @returns what the event weighs */
  take(record: LogRecord, text: string | undefined): number {
    const event =
      text === undefined
        ? this.definition.eventIn(record, this.key)
        : eventOf(this.definition.codec, text, this.key);
    this.value = this.rules.apply(this.value, event, record);
    return text === undefined ? UNTOLD_BYTES : text.length;
  }

  /** The state as it is now: checked, and nobody else's. */
  settle(): Folded {
    this.base = taken(this.definition.codec, this.base, this.value, this.key);
    // What comes next must not change what was given away.
    this.value = this.definition.codec.freeze(this.base.value);
    return this.base;
  }
}

/**
 * The result of a fold, taken over.
 * @throws StateSerializationError for what cannot be stored
 */
export function taken(codec: Codec, base: Folded, value: unknown, key: string): Folded {
  if (value === base.value) return base;
  const change = diff(codec, base satisfies Base, value, { key });
  return { value: change.next, traits: change.traits, bytes: base.bytes < 0 ? -1 : change.bytes };
}

/** The state before the first event. */
export function begun({ codec }: Definition, rules: EventRules, key: string): Folded {
  const { value, traits } = codec.copy(rules.initial(), { key });
  return { value, traits, bytes: jsonBytes(documentOf(codec, value, traits)) };
}

/** An event from its text. Nearly all are plain JSON, and are what was parsed. */
export function eventOf(codec: Codec, text: string, key: string): unknown {
  const document: Json = codec.parse(text, { key });
  return text.includes('"$') ? codec.decode(document, { key }).value : document;
}
