/** How the engine folds the events of a stream: upcast first, then handed to the user's fold. */
import { EventFoldError, MigrationError, StateValidationError } from 'dgents-core';
import { checkOptions, type EventRules, type OptionNames, type Tail } from 'dgents-core/folding';
import type { AnyEvent, SnapshotPolicy, StreamDefinition, Upcaster } from './definition.js';

type Handler = (state: unknown, event: AnyEvent) => unknown;
type Place = Parameters<EventRules['apply']>[2];

const PARTS: OptionNames<StreamDefinition<AnyEvent, unknown, unknown>> = {
  initial: true,
  fold: true,
  decide: true,
  events: true,
  upcasters: true,
  retired: true,
  unknownEvents: true,
  foldVersion: true,
  migrations: true,
  diff: true,
  inline: true,
  snapshots: true,
  codec: true,
  transforms: true,
};

const DEFAULT_EVENTS = 100;
const DEFAULT_FACTOR = 2;

const known = new WeakMap<object, FoldRules>();

/** The rules of a definition; the same for all agents of it, which share what they know of a stream. */
export function rulesOf<E extends AnyEvent, S, C>(definition: StreamDefinition<E, S, C>): FoldRules {
  let rules = known.get(definition);
  if (rules === undefined) {
    rules = new FoldRules(definition as unknown as StreamDefinition<AnyEvent, unknown>);
    known.set(definition, rules);
  }
  return rules;
}

export class FoldRules implements EventRules {
  readonly initial: () => unknown;
  readonly diff: ((previous: unknown, next: unknown) => readonly AnyEvent[]) | undefined;
  private readonly handlers: ReadonlyMap<string, Handler> | Handler;
  private readonly ignoring: boolean;
  private readonly policy: SnapshotPolicy | false | undefined;
  private readonly upcasters: ReadonlyMap<string, ReadonlyMap<number, Upcaster>>;
  private readonly retired: ReadonlyMap<string, ((event: never) => AnyEvent) | null>;
  private readonly schema: StreamDefinition<AnyEvent, unknown>['events'];
  /** Whether events are read as they were written. */
  private readonly asWritten: boolean;

  /** @throws TypeError or RangeError for what is no definition */
  constructor(definition: StreamDefinition<AnyEvent, unknown>) {
    if (typeof definition !== 'object' || definition === null)
      throw new TypeError(
        'A stream is defined by an object, as defineStream gives it: { initial, fold, … }.',
      );
    checkOptions('The definition of a stream', definition, PARTS);
    const { initial, fold, snapshots, diff } = definition;
    if (typeof initial !== 'function') {
      throw new TypeError(
        '`initial` is a function that returns the state before the first event: `() => ({ … })`.',
      );
    }
    this.initial = initial;
    this.diff = diff as FoldRules['diff'];
    this.schema = definition.events;
    this.handlers = typeof fold === 'function' ? (fold as Handler) : handlersOf(fold);
    this.ignoring = definition.unknownEvents === 'ignore';
    checkPolicy(snapshots);
    this.policy = snapshots;
    this.upcasters = upcastersOf(definition.upcasters);
    this.retired = new Map(Object.entries(definition.retired ?? {}));
    this.asWritten = this.upcasters.size === 0 && this.retired.size === 0;
  }

  /** The version that events of a type are written under. */
  versionOf(type: string): number {
    return (this.upcasters.get(type)?.size ?? 0) + 1;
  }

  apply(state: unknown, event: unknown, place: Place): unknown {
    const current = this.current(event, place);
    return current === null ? state : this.fold(state, current, place);
  }

  /**
   * An event as the program knows it now; null: left out. What was stored is not changed.
   * @throws MigrationError, EventFoldError, StateValidationError
   */
  current(event: unknown, place: Place): AnyEvent | null {
    if (this.asWritten && place.schema === undefined) return event as AnyEvent;
    return this.upcast(event as AnyEvent, place);
  }

  private upcast(stored: AnyEvent, { version, schema = 1 }: Place): AnyEvent | null {
    const { type } = stored;
    const to = this.versionOf(type);
    if (schema > to && !this.retired.has(type)) {
      throw new MigrationError(
        `Event ${version} is "${type}" of version ${schema}; this program knows ${to}. Update it, or give its \`upcasters\`.`,
        { from: schema, to },
      );
    }
    let event = stored;
    for (let step = schema; step < to; step += 1) {
      event = this.step(this.upcasters.get(type)?.get(step) as Upcaster, event, version);
    }
    const retired = this.retired.get(type);
    if (retired === null) return null;
    if (retired !== undefined) event = this.step(retired, event, version);
    if (event !== stored) this.assertValid(event, version);
    return event;
  }

  private assertValid(event: AnyEvent, version: number): void {
    const result = this.schema?.['~standard'].validate(event) as
      | { readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] }[] }
      | undefined;
    if (result?.issues === undefined) return;
    const issues = result.issues.map(({ message, path = [] }) => ({
      message: String(message),
      path: Array.from(path, (part) => (part as { key?: PropertyKey } | null)?.key ?? (part as PropertyKey)),
    }));
    throw new StateValidationError(
      `Event ${version}, "${event.type}", was upcast to something that its schema refuses: ${issues[0]?.message ?? ''}. What is stored was left as it is.`,
      { issues },
    );
  }

  private step(step: Upcaster, event: AnyEvent, version: number): AnyEvent {
    let next: AnyEvent;
    try {
      // Where others are given it too it is frozen: everywhere then, so that a step that changes it fails everywhere.
      next = step(Object.freeze(event) as never);
    } catch (cause) {
      throw failed(event, version, `could not be upcast: ${reason(cause)}`, cause);
    }
    if (typeof next?.type === 'string') return next;
    throw failed(event, version, 'was upcast to something that is no event: return one, with its `type`');
  }

  /** Whether there can be events of a type: a fold that is one function, or that ignores what it does not know, takes any. */
  knows(type: string): boolean {
    return this.ignoring || typeof this.handlers === 'function' || this.handlers.has(type);
  }

  /** The types that the fold is for, where there can be no others. */
  get types(): readonly string[] | undefined {
    return this.ignoring || typeof this.handlers === 'function' ? undefined : [...this.handlers.keys()];
  }

  /**
   * As {@link current}, for those who do not fold: what the fold would refuse by its type they refuse, too.
   * @throws MigrationError, EventFoldError, StateValidationError
   */
  foldable(event: unknown, place: Place): AnyEvent | null {
    const current = this.current(event, place);
    if (current !== null && !this.knows(current.type)) throw unknownType(current, place.version);
    return current;
  }

  private fold(state: unknown, event: AnyEvent, { version }: Place): unknown {
    const { handlers } = this;
    const handler = typeof handlers === 'function' ? handlers : handlers.get(event.type);
    if (handler === undefined) return this.unknown(state, event, version);
    let next: unknown;
    try {
      next = handler(state, event);
    } catch (cause) {
      const hint =
        cause instanceof TypeError &&
        /read only|not extensible|Cannot (?:delete|add|define)/.test(cause.message)
          ? ' A fold returns a new state, and leaves the one that it is given as it is.'
          : '';
      throw failed(event, version, `could not be folded: ${reason(cause)}.${hint}`, cause);
    }
    if (next === undefined) {
      if (typeof handlers === 'function') return this.unknown(state, event, version);
      throw failed(
        event,
        version,
        'was folded to nothing: its handler returns the next state, or the one it was given',
      );
    }
    if (typeof (next as { then?: unknown } | null)?.then === 'function') {
      Promise.resolve(next).catch(() => undefined);
      throw failed(event, version, 'was folded to a promise: a fold is synchronous');
    }
    return next;
  }

  private unknown(state: unknown, event: AnyEvent, version: number): unknown {
    if (this.ignoring) return state;
    throw unknownType(event, version);
  }

  snapshotDue({ records, bytes, stateBytes }: Tail): boolean {
    const { policy } = this;
    if (policy === false) return false;
    if (policy === undefined) return records >= DEFAULT_EVENTS && bytes >= DEFAULT_FACTOR * stateBytes;
    return records >= (policy.everyEvents ?? Infinity) || bytes >= (policy.everyBytes ?? Infinity);
  }
}

function unknownType(event: AnyEvent, version: number): EventFoldError {
  return failed(
    event,
    version,
    "is of a type that the fold gives no state for: it has no handler, or returned nothing. Add the type to the fold, to `retired`, or set `unknownEvents: 'ignore'`",
  );
}

function failed(event: AnyEvent, version: number, what: string, cause?: unknown): EventFoldError {
  const message = `Event ${version}, "${event.type}", ${what}${what.endsWith('.') ? '' : '.'}`;
  return new EventFoldError(message, { version, type: event.type, cause });
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function handlersOf(fold: unknown): ReadonlyMap<string, Handler> {
  const handlers = new Map(Object.entries((fold ?? {}) as Record<string, Handler>));
  for (const [type, handler] of handlers) {
    if (typeof handler !== 'function')
      throw new TypeError(`fold["${type}"] is a function: (state, event) => state.`);
  }
  if (handlers.size > 0) return handlers;
  throw new TypeError('`fold` is a function, or an object with one for each type of event.');
}

function upcastersOf(given: StreamDefinition<AnyEvent, unknown>['upcasters']): FoldRules['upcasters'] {
  const byType = new Map<string, ReadonlyMap<number, Upcaster>>();
  for (const [type, steps] of Object.entries(given ?? {})) {
    const entries = Object.entries(steps).map(([step, upcaster]) => [Number(step), upcaster] as const);
    const sorted = new Map(entries.sort(([a], [b]) => a - b));
    let next = 1;
    for (const [step, upcaster] of sorted) {
      if (step !== next || typeof upcaster !== 'function') {
        throw new TypeError(
          `upcasters["${type}"] are functions by the version that they start from, beginning with 1 and without gaps.`,
        );
      }
      next += 1;
    }
    byType.set(type, sorted);
  }
  return byType;
}

function checkPolicy(policy: SnapshotPolicy | false | undefined): void {
  if (policy === undefined || policy === false) return;
  for (const name of ['everyEvents', 'everyBytes'] as const) {
    const value = policy[name];
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new RangeError(`snapshots.${name} is a whole number above 0, not ${String(value)}.`);
  }
}
