/**
 * What a stored document means to one kind of agent: codec, schema, migrations. Handles that share a definition share
 * their replica of the log.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { LogRecord } from '../backend.js';
import type { BlobOptions } from '../blobs/blob-store.js';
import { assertBlobs } from '../blobs/blob-tags.js';
import { reasonOf } from '../codec/classes.js';
import { Codec, type CodecOptions, type Copied, formatPath, type Json } from '../codec/codec.js';
import { OUTDATED } from '../codec/traits.js';
import { DgentsError, MigrationError, StateValidationError, type ValidationIssue } from '../errors.js';
import type { Transform } from '../transforms/transform.js';
import { assertList, Wrapping } from '../transforms/wrapping.js';
import { droppedIn } from './dropped.js';
import type { EventRules } from './events.js';
import { PendingRecord } from './pending-record.js';

/** Steps that bring a state from the schema version of their key to the next one. Pure and synchronous. */
export type Migrations = Readonly<Record<number, (state: never) => unknown>>;

export interface DefinitionOptions<S> {
  /**
   * Any synchronous Standard Schema (zod, valibot, arktype …). Checked on save and on load; its output is what is
   * kept, so its input must accept its output.
   */
  readonly schema?: StandardSchemaV1<unknown, S>;
  /** The version of the schema, 1 unless told; stored with each record. */
  readonly schemaVersion?: number;
  /** `{ 1: s => …, 2: s => … }`: step n leads from version n to n + 1. Applied on load, in memory. */
  readonly migrations?: Migrations;
  /** Limits, and classes whose instances may be part of a state. */
  readonly codec?: Codec | CodecOptions;
  /**
   * What is done with the text of each record before it is stored: `[compress(), encrypt({ keys })]`; nothing unless
   * told. Each record says what was done with it, so settings may change while a log goes on.
   */
  readonly transforms?: readonly Transform[];
  /** Keeps large bytes (`Uint8Array`, `Buffer` and their kind) out of the log, in a store of their own: `dgents-core/blobs`. */
  readonly blobs?: BlobOptions;
}

/** What else makes a definition, for agents whose logs hold events. */
export interface EventOptions {
  /** How events make the state; without it a log that holds events is refused. */
  readonly events?: EventRules;
  /** What people call a value that is checked; the state unless told. */
  readonly nameOf?: (value: unknown) => string;
}

/** A state as it is held in memory. */
export interface Held extends Copied {
  /** Whether it is what is stored; false after a migration, or where the schema completed it. */
  readonly asStored: boolean;
}

export class Definition {
  readonly codec: Codec;
  readonly wrapping: Wrapping;
  readonly schema: StandardSchemaV1 | undefined;
  readonly schemaVersion: number;
  /** How the events of the log make its state. */
  readonly events: EventRules | undefined;
  private readonly migrations: Migrations;
  private readonly nameOf: (value: unknown) => string;

  constructor(options: DefinitionOptions<unknown> & EventOptions) {
    this.codec = options.codec instanceof Codec ? options.codec : new Codec(options.codec);
    this.events = options.events;
    this.nameOf = options.nameOf ?? (() => 'state');
    this.wrapping = new Wrapping(options.transforms, options.blobs, this.events !== undefined);
    this.schema = options.schema;
    this.schemaVersion = options.schemaVersion ?? 1;
    this.migrations = options.migrations ?? {};
    const standard = (this.schema as { '~standard'?: { validate?: unknown } } | undefined)?.['~standard'];
    if (this.schema !== undefined && typeof standard?.validate !== 'function') {
      throw new TypeError('`schema` is a Standard Schema, as made by zod, valibot or arktype.');
    }
    for (const [step, migration] of Object.entries(this.migrations)) {
      if (!/^[1-9]\d*$/.test(step) || typeof migration !== 'function') {
        throw new TypeError(
          '`migrations` are functions by the version they start from: `{ 1: (state) => … }`.',
        );
      }
      if (Number(step) < this.schemaVersion) continue;
      throw new TypeError(
        `migrations[${step}] leads to schema version ${Number(step) + 1}, but schemaVersion is ${this.schemaVersion}. Raise it.`,
      );
    }
    if (!Number.isInteger(this.schemaVersion) || this.schemaVersion < 1) {
      throw new RangeError(
        `schemaVersion is a whole number from 1 on, not ${String(options.schemaVersion)}.`,
      );
    }
  }

  /**
   * A private, checked copy of a state that somebody handed in.
   * @throws StateValidationError, StateSerializationError, StateTooLargeError
   */
  accept(state: unknown, key: string): Copied {
    if (this.schema === undefined) return this.codec.copy(state, { key });
    const given = this.taken(state, key);
    // A copy: a schema may change what it is shown.
    const validated = this.validated(this.codec.clone(given.value), key, 'save');
    if (this.isSame(given.value, validated)) return given;
    const own = this.codec.copy(validated, { key });
    this.assertKept(given.value, own.value, key);
    this.assertLoadable(own.value, key);
    return own;
  }

  /** A copy of what was handed in. Where it cannot be stored, what the schema has against it says more. */
  private taken(state: unknown, key: string): Copied {
    try {
      return this.codec.copy(state, { key });
    } catch (error) {
      if (DgentsError.is(error, 'DGENTS_STATE_SERIALIZATION')) this.validated(state, key, 'save');
      throw error;
    }
  }

  /** Whether the schema left the state as it was; what cannot be compared counts as changed. */
  private isSame(own: unknown, given: unknown): boolean {
    try {
      return this.codec.equal(own, given);
    } catch {
      return false;
    }
  }

  /** What was handed in to be kept is kept, or refused. */
  private assertKept(given: unknown, own: unknown, key: string): void {
    const path = droppedIn(given, own);
    if (path === undefined) return;
    const message =
      `The schema does not keep ${formatPath(path)}, which would be lost. Nothing was stored. Add it to the schema, leave ` +
      'it out of the state, or let the schema keep what it does not know (looseObject of zod and valibot).';
    throw new StateValidationError(message, { issues: [{ message, path }], key });
  }

  /** What a schema made of a state is what every load will show it again: it has to take that, and leave it alone. */
  private assertLoadable(own: unknown, key: string): void {
    let again: unknown;
    try {
      again = this.validated(this.codec.clone(own), key, 'save');
    } catch (cause) {
      throw transforming(key, cause);
    }
    if (!this.isSame(own, again)) throw transforming(key);
  }

  /** Checks a recipe's result; the same value where there is no schema. */
  validated(state: unknown, key: string, when: 'save' | 'load'): unknown {
    if (this.schema === undefined) return state;
    const result = this.ask(this.schema, state, key);
    if (result.issues === undefined) return result.value;
    const issues = result.issues.map(plainIssue);
    throw new StateValidationError(
      when === 'save'
        ? `The ${this.nameOf(state)} does not satisfy its schema: ${quote(issues)}. Nothing was stored.`
        : `What is stored of "${key}" does not satisfy the schema: ${quote(issues)}. It was left as it is; add a migration or correct the schema.`,
      { issues, key },
    );
  }

  private ask(schema: StandardSchemaV1, state: unknown, key: string): StandardSchemaV1.Result<unknown> {
    let result: ReturnType<StandardSchemaV1['~standard']['validate']>;
    try {
      result = schema['~standard'].validate(state);
    } catch (cause) {
      throw new StateValidationError('The schema threw instead of answering.', { issues: [], key, cause });
    }
    if (typeof (result as { then?: unknown } | undefined)?.then === 'function') {
      Promise.resolve(result).catch(() => undefined);
      throw new TypeError('The schema is asynchronous. Use one that validates synchronously.');
    }
    const { issues, value } = (result ?? {}) as {
      issues?: readonly StandardSchemaV1.Issue[];
      value?: unknown;
    };
    if (Array.isArray(issues)) return { issues: issues as readonly StandardSchemaV1.Issue[] };
    if (issues !== undefined) {
      const message = 'The schema answered with issues that are no list.';
      throw new StateValidationError(message, { issues: [{ message, path: [] }], key });
    }
    if (value !== undefined) return { value };
    throw new StateValidationError('The schema answered with neither a state nor issues.', {
      issues: [],
      key,
    });
  }

  /**
   * The state that a stored document stands for.
   * @param storedVersion the schema version it was written under
   * @throws StateCorruptionError, MigrationError, StateValidationError
   */
  revive(document: Json, storedVersion: number, key: string): Held {
    const stored = this.codec.decode(document, { key });
    const current = storedVersion === this.schemaVersion && (stored.traits & OUTDATED) === 0;
    if (current && this.schema === undefined) return { ...stored, asStored: true };
    // A copy: a schema may complete what it is given in place, and a migration may change it.
    const migrated = this.migrate(this.codec.clone(stored.value), storedVersion, key);
    const own = this.codec.copy(this.validated(migrated, key, 'load'), { key });
    const same = current && this.codec.equal(stored.value, own.value);
    return same ? { ...stored, asStored: true } : { ...own, asStored: false };
  }

  /** The event of a record that a store keeps as a value: read-only, since others are given it too. */
  eventIn(record: LogRecord, key: string): unknown {
    if (record instanceof PendingRecord && record.isPlain) return record.document;
    return this.codec.freeze(this.codec.decode(record.document as Json, { key }).value);
  }

  private migrate(value: unknown, from: number, key: string): unknown {
    if (from === this.schemaVersion) return value;
    const to = this.schemaVersion;
    if (from > to) {
      throw new MigrationError(
        `The state of "${key}" was written under schema version ${from}, this agent knows ${to}. Update this program.`,
        { from, to, key },
      );
    }
    let state = value;
    for (let version = from; version < to; version += 1) {
      const step = this.migrations[version] as ((state: unknown) => unknown) | undefined;
      if (step === undefined) {
        throw new MigrationError(
          `There is no migration of "${key}" from schema version ${version} to ${version + 1}: give migrations[${version}].`,
          { from, to, key },
        );
      }
      state = this.step(step, state, version, to, key);
    }
    return state;
  }

  private step(
    step: (state: unknown) => unknown,
    state: unknown,
    from: number,
    to: number,
    key: string,
  ): unknown {
    let next: unknown;
    try {
      next = step(state);
    } catch (cause) {
      const message = `The migration of "${key}" from schema version ${from} threw: ${reasonOf(cause)}`;
      throw new MigrationError(message, { from, to, key, cause });
    }
    if (next !== undefined && typeof (next as { then?: unknown } | null)?.then !== 'function') return next;
    throw new MigrationError(
      `The migration of "${key}" from schema version ${from} returned ${next === undefined ? 'nothing' : 'a promise'}; it must return the state.`,
      { from, to, key },
    );
  }
}

function transforming(key: string, cause?: unknown): StateValidationError {
  const message =
    'The schema does not accept its own output unchanged, so the state could not be loaded again. Nothing was stored. ' +
    'Remove the transformation from the schema.';
  return new StateValidationError(message, { issues: [{ message, path: [] }], key, cause });
}

function plainIssue(issue: StandardSchemaV1.Issue): ValidationIssue {
  // Not `map`: some give an array of a class of their own, and it would make another one.
  const path = Array.from(issue?.path ?? [], (part) => (typeof part === 'object' ? (part?.key ?? '') : part));
  return { message: String(issue?.message), path };
}

function quote(issues: readonly ValidationIssue[]): string {
  const shown = issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'state'}: ${issue.message}`);
  return shown.join('; ') + (issues.length > 3 ? ` (and ${issues.length - 3} more)` : '');
}

const NO_SCHEMA = {};
const NO_MIGRATIONS = {};
const DEFAULT_CODEC = {};
const NO_TRANSFORMS = {};
const NO_BLOBS = {};
const NO_EVENTS = {};

type ByPart<V> = WeakMap<object, V>;

/** Finds the definition that was made from the very same parts before. Holds none of them in memory. */
export class Definitions {
  private readonly known: ByPart<ByPart<ByPart<ByPart<ByPart<ByPart<Map<number, Definition>>>>>>> =
    new WeakMap();

  of(options: DefinitionOptions<unknown> & EventOptions): Definition {
    const byEvents = entry(this.known, options.events ?? NO_EVENTS, () => new WeakMap());
    const bySchema = entry(byEvents, options.schema ?? NO_SCHEMA, () => new WeakMap());
    const byMigrations = entry(bySchema, options.migrations ?? NO_MIGRATIONS, () => new WeakMap());
    const byCodec = entry(byMigrations, options.codec ?? DEFAULT_CODEC, () => new WeakMap());
    if (options.transforms !== undefined) assertList(options.transforms);
    const byTransforms = entry(byCodec, options.transforms ?? NO_TRANSFORMS, () => new WeakMap());
    if (options.blobs !== undefined) assertBlobs(options.blobs);
    const byVersion = entry(byTransforms, options.blobs ?? NO_BLOBS, () => new Map());
    const version = options.schemaVersion ?? 1;
    const found = byVersion.get(version);
    // A list that was changed since is another one: what it says now counts.
    if (found?.wrapping.isOf(options.transforms)) return found;
    const made = new Definition(options);
    byVersion.set(version, made);
    return made;
  }
}

function entry<V>(map: WeakMap<object, V>, key: object, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Whether a thrown value says for certain that nothing was written. */
export function isDefinite(error: unknown): boolean {
  return (
    DgentsError.is(error) &&
    !DgentsError.is(error, 'DGENTS_OUTCOME_UNKNOWN') &&
    !DgentsError.is(error, 'DGENTS_STORAGE_TIMEOUT')
  );
}
