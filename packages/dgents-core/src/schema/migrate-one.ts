/** Brings one stored state to the schema version and class versions of a definition: by an ordinary write, and only if it is still the newest. */
import type { Head, LogRecord, Version } from '../backend.js';
import type { Json } from '../codec/json.js';
import { jsonBytes } from '../codec/measure.js';
import type { Versioned } from '../data-agent.js';
import { DgentsError, MigrationError, StateTooLargeError } from '../errors.js';
import type { StateAgent } from '../state/agent.js';
import { type Call, remainingMs } from '../state/deadlines.js';
import type { Definition } from '../state/definition.js';
import { documentOf } from '../state/diff.js';
import type { Engine } from '../state/engine.js';
import { headOf, Reader, sameHead } from '../state/replica.js';
import { stepwise } from '../state/steps.js';

/** What became of a state: `absent` is one that was deleted, has expired, or holds events only. */
export type Fate = 'migrated' | 'current' | 'absent';

/** What all keys of a migration share. */
export interface Migrating {
  readonly engine: Engine;
  readonly definition: Definition;
  /** A new handle with this definition. */
  readonly open: (key: string) => StateAgent<unknown>;
  readonly begin: () => Call;
  readonly dryRun: boolean;
  readonly verify: boolean;
}

/** The newest version of a state. */
interface Newest {
  readonly head: Head;
  /** The schema version it was written under. */
  readonly schema: number;
  /** Whether a write would store it in the same form. */
  readonly current: boolean;
}

/**
 * @throws MigrationError, StateValidationError and others that a load or save would reject with; the state is as it was
 * @throws OutcomeUnknownError when it may have been written
 */
export async function migrateOne(migrating: Migrating, key: string): Promise<Fate> {
  const { dryRun, verify } = migrating;
  const call = migrating.begin();
  const agent = migrating.open(key);
  try {
    for (;;) {
      const newest = await newestOf(migrating, key, call);
      if (newest === undefined) return 'absent';
      if (newest.current) return 'current';
      const seen = await agent.read(left(call));
      // Somebody wrote between the two looks: what schema version that has is not known yet.
      if (!sameHead(seen.head, newest.head)) continue;
      if (dryRun) {
        rehearse(migrating, key, seen.state);
        return 'migrated';
      }
      const meta = { migratedFrom: newest.schema };
      const version = await written(
        agent.save(seen.state, { ...left(call), expected: seen, meta, keepTtl: true }),
      );
      if (version === undefined) continue;
      if (verify) await compare(migrating, key, version, seen, call);
      return 'migrated';
    }
  } catch (error) {
    if (DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND') || DgentsError.is(error, 'DGENTS_STATE_EXPIRED'))
      return 'absent';
    throw error;
  } finally {
    await agent.close();
  }
}

/** The time and the signal that are left to the calls of a call. */
function left(call: Call): { timeoutMs: number; signal?: AbortSignal } {
  const { signal } = call;
  return { timeoutMs: remainingMs(call), ...(signal === undefined ? {} : { signal }) };
}

/** The version that a save made; undefined where somebody else came first. */
async function written(save: Promise<Version>): Promise<Version | undefined> {
  try {
    return await save;
  } catch (error) {
    if (DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) return undefined;
    throw error;
  }
}

/**
 * Costs one record where there is one: the newest tells the schema version of the state. Where classes have versions,
 * only the whole document tells whether one is outdated.
 */
async function newestOf(migrating: Migrating, key: string, call: Call): Promise<Newest | undefined> {
  const { engine, definition } = migrating;
  const { codec, schemaVersion } = definition;
  if (!codec.isVersioned) {
    const found = await newestRecord(migrating, key, call);
    if (found !== undefined && found.kind !== 'event') {
      const { kind, schema = 1 } = found;
      return kind === 'tombstone'
        ? undefined
        : { head: headOf(found), schema, current: schema === schemaVersion };
    }
  }
  // Also for a base without records, and events behind the state.
  const reader = new Reader(engine.backend, definition, key);
  const stored = await engine.within(reader.stored(remainingMs(call)), call, key);
  if (stored?.document === undefined) return undefined;
  const { head, schema, document } = stored;
  return { head, schema, current: schema === schemaVersion && !codec.isOutdated(document) };
}

async function newestRecord({ engine }: Migrating, key: string, call: Call): Promise<LogRecord | undefined> {
  const options = { reverse: true, limit: 1, timeoutMs: remainingMs(call) };
  const records = engine.backend.range(key, options)[Symbol.asyncIterator]();
  for await (const record of stepwise(records, (step) => engine.within(step, call, key))) return record;
  return undefined;
}

/** All that a save would refuse, and what a load would make of it. */
function rehearse(migrating: Migrating, key: string, state: unknown): void {
  const { engine, definition } = migrating;
  const { codec, schemaVersion, wrapping } = definition;
  wrapping.assertFits(engine.port, engine.backend.name);
  const own = definition.accept(state, key);
  const document = documentOf(codec, own.value, own.traits);
  assertLight(key, jsonBytes(document), codec.maxBytes);
  assertLight(key, storedBytes(definition, key, document), engine.port.limits.recordBytes);
  const again = definition.revive(document, schemaVersion, key);
  if (!codec.equal(again.value, own.value)) throw differs(migrating, key);
}

/** What its record would weigh: compressed, encrypted, without its blobs. */
function storedBytes({ wrapping }: Definition, key: string, document: Json): number {
  if (wrapping.isPlain) return jsonBytes(document);
  const data = JSON.stringify(document);
  const record = { version: 1, kind: 'set', at: 0, id: '', document, data } as const;
  return Buffer.byteLength(wrapping.record(key, record, undefined).data);
}

/** @throws StateTooLargeError */
function assertLight(key: string, bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return;
  const message = `The state of "${key}" would weigh ${bytes} bytes; at most ${limitBytes} are allowed.`;
  throw new StateTooLargeError(message, { bytes, limitBytes, key });
}

/** Reads a version from the log, not from what this process remembers of it, and compares. */
async function compare(
  migrating: Migrating,
  key: string,
  version: Version,
  seen: Versioned<unknown>,
  call: Call,
): Promise<void> {
  const { engine, definition } = migrating;
  const reader = new Reader(engine.backend, definition, key);
  try {
    const { value } = await engine.within(reader.read(remainingMs(call), version), call, key);
    if (!definition.codec.equal(value, seen.state)) throw differs(migrating, key);
  } catch (error) {
    // Somebody has written since, and trimmed it away.
    if (!DgentsError.is(error, 'DGENTS_LOG_COMPACTED')) throw error;
  }
}

function differs({ definition }: Migrating, key: string): MigrationError {
  const to = definition.schemaVersion;
  return new MigrationError(
    `What was migrated reads back differently from "${key}". The version before it is kept: see \`history\`.`,
    { from: to, to, key },
  );
}
