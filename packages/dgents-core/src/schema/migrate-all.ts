/** Brings all stored states of a kind to the newest schema and class versions. */
import type { CallOptions } from '../data-agent.js';
import { DgentsError } from '../errors.js';
import { remainingMs } from '../state/deadlines.js';
import type { Definition, DefinitionOptions } from '../state/definition.js';
import { stepwise } from '../state/steps.js';
import type { Store } from '../store.js';
import { type Fate, type Migrating, migrateOne } from './migrate-one.js';

/** So many keys are listed at a time: a listing is not kept open while states are written. */
const PAGE_KEYS = 500;

const DEFAULT_CONCURRENCY = 8;

/**
 * What the states are (see `defineState`), with the `schemaVersion` to bring them to, or with classes that have versions
 * (`stateOf`), and which of them to migrate how.
 */
export interface MigrateAllOptions extends DefinitionOptions<unknown>, CallOptions {
  /** The states whose keys begin with exactly this; `''` for all of the store. */
  readonly prefix: string;
  /** Read, migrate and check everything, and write nothing. */
  readonly dryRun?: boolean;
  /** Read each state back from the store after it was written, and compare; true unless told. */
  readonly verify?: boolean;
  /** How many states are worked on at a time; 8 unless told. */
  readonly concurrency?: number;
  /** Go on behind this key: `last` of an earlier run over the same prefix. */
  readonly after?: string;
  /** `collect`: go on, and report all failures in the end; `stop`: begin no other state after one. `collect` unless told. */
  readonly onFailure?: 'collect' | 'stop';
  /** Told after each state. What it throws ends the migration. */
  readonly onProgress?: (progress: MigrationProgress) => void;
}

/** A state that could not be migrated, and is as it was (unless the error is `OutcomeUnknownError`). */
export interface MigrationFailure {
  readonly key: string;
  readonly error: unknown;
}

export interface MigrationCounts {
  /** How many were brought to the new version; in a dry run, how many would be. */
  readonly migrated: number;
  /** How many have had it. */
  readonly alreadyCurrent: number;
  /** How many were deleted, or have expired meanwhile. */
  readonly skipped: number;
  /** Everything up to this key is done with: give it as `after` to go on from here. Undefined before the first. */
  readonly last: string | undefined;
}

export interface MigrationProgress extends MigrationCounts {
  /** How many keys were looked at. */
  readonly done: number;
  readonly failed: number;
  /** The key this is about. */
  readonly key: string;
  /** Why it was not migrated. */
  readonly error?: unknown;
}

export interface MigrationReport extends MigrationCounts {
  readonly failed: readonly MigrationFailure[];
  /** Whether all keys were looked at; false after `onFailure: 'stop'`. */
  readonly finished: boolean;
}

/**
 * Brings every stored state with a prefix that was written under an older schema version, or holds an instance that was
 * stored by an older version of its class, to those of today, by ordinary compare-and-set writes: other programs may go
 * on reading and writing. Each makes one version, with the schema version before in `meta.migratedFrom`; earlier ones
 * stay as they are, and are migrated when they are looked at. States that are current already cost one record read (a
 * whole read, where a class has a version above 1), so that a migration that was cut short is simply run again.
 *
 * From then on, programs that know only the older version are refused: `MigrationError`.
 *
 * @throws TypeError or RangeError for options that make no sense; whatever lists the keys rejects with; what `signal`
 *   was aborted with, once those under way have ended. What is wrong with single states is in `failed`
 */
export async function migrateAll(store: Store, options: MigrateAllOptions): Promise<MigrationReport> {
  const { prefix, onFailure = 'collect', concurrency = DEFAULT_CONCURRENCY } = options;
  check(options, concurrency, onFailure);
  const { engine } = store;
  const begin = () => {
    engine.assertOpen();
    return engine.call(options, engine.timeoutMs);
  };
  const parts = definitionOf(options);
  const definition = engine.define(parts);
  assertVersioned(options, definition);
  const migrating: Migrating = {
    engine,
    definition,
    open: (key) => store.agent<unknown>(key, parts),
    begin,
    dryRun: options.dryRun ?? false,
    verify: options.verify ?? true,
  };
  await engine.ready(begin());
  const run = new Run(migrating, options, onFailure === 'stop');
  for (let after = options.after; ; ) {
    const page = await pageOf(migrating, prefix, after);
    await run.work(page, concurrency);
    after = page.at(-1)?.key;
    if (run.stopped || page.length < PAGE_KEYS) return run.report();
  }
}

interface Listed {
  readonly key: string;
  /** Whether there is something to look at. */
  readonly live: boolean;
}

async function pageOf(
  { engine, begin }: Migrating,
  prefix: string,
  after: string | undefined,
): Promise<Listed[]> {
  const call = begin();
  const options = { heads: true, limit: PAGE_KEYS, timeoutMs: remainingMs(call) };
  const found = engine.backend.keys(prefix, after === undefined ? options : { ...options, after });
  const page: Listed[] = [];
  const steps = stepwise(found[Symbol.asyncIterator](), (step) => engine.within(step, begin(), undefined));
  for await (const { key, head } of steps) {
    // One without a head is damaged: reading it will tell how.
    page.push({ key, live: !key.startsWith('$') && head?.deleted !== true });
  }
  return page;
}

/** What was done so far. */
class Run {
  stopped = false;
  private done = 0;
  private migrated = 0;
  private alreadyCurrent = 0;
  private skipped = 0;
  private last: string | undefined;
  private readonly failed: MigrationFailure[] = [];
  private broken: { readonly error: unknown } | undefined;

  constructor(
    private readonly migrating: Migrating,
    private readonly options: MigrateAllOptions,
    private readonly stopsAtFailure: boolean,
  ) {
    this.last = options.after;
  }

  /** Works on the keys of a page, several at a time. */
  async work(page: readonly Listed[], concurrency: number): Promise<void> {
    const settled = page.map(({ live }) => !live);
    let next = 0;
    let settledUpTo = 0;
    const settle = (index: number): void => {
      settled[index] = true;
      while (settled[settledUpTo] === true) this.last = page[settledUpTo++]?.key;
    };
    const lane = async (): Promise<void> => {
      while (next < page.length && !this.stopped) {
        const index = next++;
        const { key, live } = page[index] as Listed;
        if (!live) {
          // Those of dgents itself are nobody's states.
          if (!key.startsWith('$')) this.skipped += 1;
          settle(index);
          continue;
        }
        await this.one(key, () => settle(index));
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, page.length) }, lane));
    if (this.broken !== undefined) throw this.broken.error;
  }

  private async one(key: string, settle: () => void): Promise<void> {
    const { signal, onProgress } = this.options;
    try {
      signal?.throwIfAborted();
      const failure = await this.outcome(key);
      if (failure !== undefined && signal?.aborted === true) throw signal.reason;
      // A key that has failed is not done with where one goes on behind the last.
      if (failure === undefined || !this.stopsAtFailure) settle();
      const { done, migrated, alreadyCurrent, skipped, last } = this;
      onProgress?.({
        done,
        migrated,
        alreadyCurrent,
        skipped,
        last,
        failed: this.failed.length,
        key,
        ...failure,
      });
    } catch (error) {
      this.stopped = true;
      this.broken ??= { error };
    }
  }

  private async outcome(key: string): Promise<{ readonly error: unknown } | undefined> {
    try {
      this.count(await migrateOne(this.migrating, key));
      return undefined;
    } catch (error) {
      // The store was closed: there is no use in trying the others.
      if (DgentsError.is(error, 'DGENTS_AGENT_CLOSED')) throw error;
      this.failed.push({ key, error });
      if (this.stopsAtFailure) this.stopped = true;
      return { error };
    } finally {
      this.done += 1;
    }
  }

  private count(fate: Fate): void {
    if (fate === 'migrated') this.migrated += 1;
    else if (fate === 'current') this.alreadyCurrent += 1;
    else this.skipped += 1;
  }

  report(): MigrationReport {
    const { migrated, alreadyCurrent, skipped, last, failed } = this;
    return { migrated, alreadyCurrent, skipped, failed, last, finished: !this.stopped };
  }
}

/** What says how a state is read and written; not `initial`, and not `retain`: a migration trims nothing. */
const DEFINING = ['schema', 'schemaVersion', 'migrations', 'codec', 'transforms', 'blobs'];

function definitionOf(options: MigrateAllOptions): DefinitionOptions<unknown> {
  const given = Object.entries(options);
  return Object.fromEntries(given.filter(([name, value]) => DEFINING.includes(name) && value !== undefined));
}

/** @throws TypeError where nothing says what is older */
function assertVersioned({ schemaVersion }: MigrateAllOptions, { codec }: Definition): void {
  if (schemaVersion !== undefined || codec.isVersioned) return;
  throw new TypeError(
    'To which version? Give migrateAll the `schemaVersion` of the states, or classes that have a `version`.',
  );
}

/** @throws TypeError or RangeError */
function check(options: MigrateAllOptions, concurrency: number, onFailure: string): void {
  const { prefix, after, onProgress } = options;
  if (typeof prefix !== 'string') {
    throw new TypeError("Which states? Give migrateAll the `prefix` of their keys; '' for all of the store.");
  }
  if (after !== undefined && typeof after !== 'string') throw new TypeError('`after` is a key.');
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`\`concurrency\` is a whole number from 1 on, not ${String(concurrency)}.`);
  }
  if (onFailure !== 'collect' && onFailure !== 'stop') {
    throw new TypeError("`onFailure` is 'collect' or 'stop'.");
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError('`onProgress` is a function.');
  }
}
