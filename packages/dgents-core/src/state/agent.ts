/**
 * The handle that agent developers hold: {@link DataAgent} over any backend.
 *
 * Longer than other files, because every method of the contract is here once, overloads included; what they do is in
 * the files it imports.
 */
import { inspect } from 'node:util';
import type { Head, Version } from '../backend.js';
import type { Copied } from '../codec/codec.js';
import type {
  CallOptions,
  Capabilities,
  DataAgent,
  DeepReadonly,
  Deleted,
  DeleteOptions,
  LoadOptions,
  SaveOptions,
  TimelineOptions,
  UpdateOptions,
  Versioned,
  WatchOptions,
  WriteOptions,
} from '../data-agent.js';
import { AgentClosedError, DgentsError, StateNotFoundError, StateValidationError } from '../errors.js';
import {
  isTold,
  noteItems,
  noting,
  type OpenOperation,
  observedWrite,
  told,
  toldEach,
} from '../observe/operations.js';
import {
  checkDurability,
  checkLimit,
  checkMeta,
  checkOperationId,
  checkTime,
  checkTtl,
  checkWeigh,
} from './arguments.js';
import type { Cell } from './cell.js';
import { type Call, remainingMs } from './deadlines.js';
import type { Definition, DefinitionOptions, EventOptions } from './definition.js';
import type { Change } from './diff.js';
import { endedBy } from './ended-by.js';
import { checkTimeout, type Engine } from './engine.js';
import { eraseDeleted } from './erase.js';
import {
  type Comparison,
  comparisonOf,
  Operation,
  type OperationRequest,
  type Produced,
  type Repeats,
  type Writer,
} from './operation.js';
import { type Participation, participantOf } from './participant.js';
import { newest, snapshotAt, successive } from './past.js';
import { changeByRecipe, changeByState, type Recipe, stateByRecipe } from './recipe.js';
import { ABSENT, type Snapshot } from './replica.js';
import { checkRetention, type Retention } from './retention.js';
import { Sight } from './sight.js';
import { STATE_RULES, type StateRules } from './state-rules.js';
import { stepwise } from './steps.js';
import { versionAt } from './time.js';
import type { Participant } from './transact.js';
import { stateOf, versioned, viewOf } from './views.js';
import { watchCell } from './watch.js';

export interface AgentOptions<S> extends DefinitionOptions<S> {
  /** The state before anything was saved. Given by `load`, never stored by it; a fresh one at each call. */
  readonly initial?: () => S;
  /** Settle every call within so many milliseconds; the store's default (5,000) unless told. */
  readonly timeoutMs?: number;
  /** What of the past to keep; everything unless told. */
  readonly retain?: Retention;
  /** Refuse a store that cannot promise this: at `ready`, or at the first call. */
  readonly requireDurability?: 'process' | 'power';
  /** Time to live that every write of this handle sets, in milliseconds; only where `capabilities.ttl`. */
  readonly ttlMs?: number;
}

const DEFAULT_HISTORY = 100;

const ANY: Comparison = { kind: 'any' };

/** @throws TypeError when `initial` gives nothing */
function first(initial: () => unknown): unknown {
  const state = initial();
  if (state !== undefined) return state;
  throw new TypeError(
    '`initial` returned undefined, which is not a state. Mind the parentheses: `() => ({ … })`.',
  );
}

/** A watcher is shown what follows an expiry, as it is shown what follows a deletion. */
function unlessExpired(error: unknown): void {
  if (!DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) throw error;
}

function versionOf({ head }: Snapshot): Version {
  return head?.version ?? 0;
}

export class StateAgent<S> implements DataAgent<S>, Writer {
  /** @internal */
  protected readonly cell: Cell;
  private readonly sight: Sight;
  /** The last write of this handle that has not settled: the next one builds on it. */
  private lastWrite: Operation | undefined;
  /** Accepted and not settled: what `close` waits for. */
  private readonly pending = new Set<{ readonly done: Promise<unknown> }>();
  private readonly timeoutMs: number;
  private closed: Promise<void> | undefined;
  private closing: AbortController | undefined;

  /** @internal Agents come from {@link Store.agent}, or from a named class. */
  constructor(
    protected readonly engine: Engine,
    /** The address of the state. */
    readonly key: string,
    protected readonly options: AgentOptions<S> = {},
    /** Closes what was opened for this handle alone. */
    private readonly onClose?: () => Promise<void>,
  ) {
    checkRetention(options.retain);
    checkTtl(options.ttlMs);
    checkDurability(options.requireDurability);
    if (options.initial !== undefined && typeof options.initial !== 'function') {
      throw new TypeError('`initial` is a function that returns the first state: `initial: () => ({ … })`.');
    }
    this.timeoutMs = options.timeoutMs === undefined ? engine.timeoutMs : checkTimeout(options.timeoutMs);
    this.cell = engine.cell(engine.define(options as DefinitionOptions<unknown> & EventOptions), key);
    this.cell.definition.wrapping.assertFits(engine.port, engine.backend.name);
    this.sight = new Sight(this.cell, this.timeoutMs, options.ttlMs);
  }

  get capabilities(): Capabilities {
    return this.engine.capabilities;
  }

  /** @internal For the wrappers around it. */
  get [STATE_RULES](): StateRules {
    const { codec, schema = null } = this.cell.definition;
    return { codec, schema };
  }

  async ready(options?: CallOptions): Promise<Capabilities> {
    await this.prepare(this.begin(options));
    return this.capabilities;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  load(options?: LoadOptions): Promise<S>;
  load(options?: LoadOptions): Promise<S & DeepReadonly<S>> {
    return this.look('load', options, (snapshot) => stateOf(this.cell.definition, snapshot, options?.frozen));
  }

  read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  read(options?: LoadOptions): Promise<Versioned<S>>;
  read(options?: LoadOptions): Promise<Versioned<S & DeepReadonly<S>>> {
    return this.look('read', options, (snapshot) =>
      versioned(this.cell.definition, snapshot, options?.frozen),
    );
  }

  history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<S>[]>;
  history(limit?: number, options?: LoadOptions): Promise<S[]>;
  history(limit = DEFAULT_HISTORY, options?: LoadOptions): Promise<(S | DeepReadonly<S>)[]> {
    return told('history', this.engine, this.key, (event) =>
      this.engine.accept(this.lookAround(limit, options, event)),
    );
  }

  private async lookAround(
    limit: number,
    options: LoadOptions | undefined,
    event: OpenOperation | undefined,
  ): Promise<(S & DeepReadonly<S>)[]> {
    checkLimit(limit);
    const call = this.begin(options);
    await this.prepare(call);
    const found = await this.within(newest(this.cell, limit, remainingMs(call)), call);
    noteItems(event, found.length);
    return found.map((snapshot) =>
      stateOf<S & DeepReadonly<S>>(this.cell.definition, snapshot, options?.frozen),
    );
  }

  timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  timeline(options?: TimelineOptions): AsyncIterable<Versioned<S> | Deleted>;
  timeline(options: TimelineOptions = {}): AsyncGenerator<never, void, undefined> {
    // One implementation serves both signatures: `frozen` decides what the views hold.
    const walk = this.walk(options) as AsyncGenerator<never, void, undefined>;
    return toldEach('timeline', this.engine, this.key, walk);
  }

  private async *walk(options: TimelineOptions): AsyncGenerator<Versioned<S> | Deleted, void, undefined> {
    const { from = 1, to = Infinity, frozen } = options;
    checkTime('from', from);
    checkTime('to', to);
    const call = this.begin(options);
    await this.prepare(call);
    const { cell } = this;
    const first =
      typeof from === 'number'
        ? from
        : 1 + (await this.within(versionAt(cell, from.getTime() - 1, remainingMs(call)), call));
    const last =
      typeof to === 'number' ? to : await this.within(versionAt(cell, to.getTime(), remainingMs(call)), call);
    const walk = successive(cell, first, last, call.timeoutMs);
    for await (const snapshot of stepwise(walk, (step) => this.within(step, this.begin(options)))) {
      yield viewOf<S>(cell.definition, snapshot as Snapshot & { head: Head }, frozen);
    }
  }

  watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;
  watch(options: WatchOptions = {}): AsyncGenerator<never, void, undefined> {
    // Not AbortSignal.any: what it makes stays in memory as long as the signals it was made of.
    const ending = new AbortController();
    const watch = this.follow(options, ending) as AsyncGenerator<never, void, undefined>;
    return toldEach('watch', this.engine, this.key, endedBy(watch, ending));
  }

  private async *follow(
    options: WatchOptions,
    ending: AbortController,
  ): AsyncGenerator<Versioned<S> | Deleted, void, undefined> {
    this.assertOpen();
    this.closing ??= new AbortController();
    const end = (): void => ending.abort();
    const signals =
      options.signal === undefined ? [this.closing.signal] : [this.closing.signal, options.signal];
    for (const signal of signals) {
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    }
    const { pollMs, frozen } = options;
    try {
      const watch = { signal: ending.signal, pollMs, begin: () => this.begin(undefined) };
      for await (const snapshot of watchCell(this.cell, watch)) {
        await this.verify()?.catch(unlessExpired);
        this.sight.see(snapshot);
        yield viewOf<S>(this.cell.definition, snapshot as Snapshot & { head: Head }, frozen);
      }
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', end);
    }
  }

  /** Gives `finish` the snapshot that a load is about: one with a live state. */
  private look<T>(
    operation: 'load' | 'read',
    options: LoadOptions | undefined,
    finish: (snapshot: Snapshot) => T,
  ): Promise<T> {
    if (!isTold()) return this.lookNow(options, finish);
    return told(operation, this.engine, this.key, (event) => this.lookNow(options, noting(event, finish)));
  }

  private lookNow<T>(options: LoadOptions | undefined, finish: (snapshot: Snapshot) => T): Promise<T> {
    try {
      const call = this.begin(options);
      if (!this.engine.isReady || this.options.requireDurability !== undefined || options?.at !== undefined) {
        return this.engine.accept(this.lookClosely(options, call, finish));
      }
      return this.engine.within(this.cell.refresh(call), call, this.key, () => this.present(call, finish));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private async lookClosely<T>(
    options: LoadOptions | undefined,
    call: Call,
    finish: (snapshot: Snapshot) => T,
  ): Promise<T> {
    await this.prepare(call);
    if (options?.at !== undefined) return finish(await this.lookBack(options.at, call));
    await this.within(this.cell.refresh(call), call);
    return this.present(call, finish);
  }

  /** What the replica holds, or `initial`, once it is sure that it continues what this handle saw. */
  private present<T>(call: Call, finish: (snapshot: Snapshot) => T): T | Promise<T> {
    const check = this.verify();
    if (check !== undefined) return this.within(check, call).then(() => this.present(call, finish));
    const { definition, snapshot } = this.cell;
    this.sight.see(snapshot);
    if (snapshot.value !== ABSENT) return finish(snapshot);
    return finish({ ...snapshot, ...this.begun(definition) });
  }

  private async lookBack(at: Version | Date, call: Call): Promise<Snapshot> {
    checkTime('at', at);
    const snapshot = await this.within(snapshotAt(this.cell, at, remainingMs(call)), call);
    if (snapshot === undefined || snapshot.value === ABSENT) throw this.notFound(at);
    return snapshot;
  }

  /** What `initial` gives, checked. @throws StateNotFoundError when there is none */
  private begun(definition: Definition): Copied {
    const { initial } = this.options;
    if (initial === undefined) throw this.notFound();
    try {
      return definition.accept(first(initial), this.key);
    } catch (error) {
      if (!(error instanceof StateValidationError)) throw error;
      const { issues, key } = error;
      throw new StateValidationError(`What \`initial\` gives is refused. ${error.message}`, {
        issues,
        key,
        cause: error,
      });
    }
  }

  private notFound(at?: Version | Date): StateNotFoundError {
    const when =
      at === undefined ? '' : typeof at === 'number' ? ` at version ${at}` : ` at ${at.toISOString()}`;
    const hint = at === undefined ? ' Save one first, or give the agent an `initial`.' : '';
    return new StateNotFoundError(`There is no state "${this.key}"${when}.${hint}`, { key: this.key });
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  save(state: S, options?: SaveOptions): Promise<Version> {
    if (!isTold()) return this.replace(state, options);
    return told('save', this.engine, this.key, (event) => this.replace(state, options, event));
  }

  private replace(state: S, options: SaveOptions | undefined, event?: OpenOperation): Promise<Version> {
    try {
      if (state === undefined) throw new TypeError('`undefined` is not a state; use null, or delete().');
      return this.write('save', this.replacement(state), options, versionOf, event);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Takes a private copy of a state now, and makes a change of it when its turn has come. */
  private replacement(state: S): (base: Snapshot) => Produced {
    const { definition } = this.cell;
    const own = definition.accept(state, this.key);
    return (base) => this.produced(base, changeByState(definition, base, own, this.key));
  }

  /** @internal What a change of the state is written as. */
  protected produced(_base: Snapshot, change: Change): Produced {
    return { kind: 'write', change };
  }

  update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    if (!isTold()) return this.change(change as Recipe, options);
    return told('update', this.engine, this.key, (event) => this.change(change as Recipe, options, event));
  }

  private change(
    change: Recipe,
    options: UpdateOptions | undefined,
    event?: OpenOperation,
  ): Promise<Versioned<S>> {
    try {
      if (typeof change !== 'function') {
        throw new TypeError('update takes a recipe: `(draft) => { draft.count += 1; }`.');
      }
      const { definition } = this.cell;
      const finish = (result: Snapshot): Versioned<S> => versioned(definition, result, false);
      return this.write('update', this.recipe(change), options, finish, event);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private recipe(recipe: Recipe): (base: Snapshot) => Produced {
    const { definition } = this.cell;
    return (base) => {
      if (base.value !== ABSENT) {
        return this.produced(base, changeByRecipe(definition, base, recipe, this.key));
      }
      const start = this.begun(definition);
      return this.produced(base, stateByRecipe(definition, start, recipe, this.key));
    };
  }

  delete(options?: DeleteOptions): Promise<boolean> {
    const done = told('delete', this.engine, this.key, (event) => this.remove(options, event));
    const entry = { done };
    this.pending.add(entry);
    const forget = (): void => void this.pending.delete(entry);
    done.then(forget, forget);
    return done;
  }

  private async remove(
    options: DeleteOptions | undefined,
    event: OpenOperation | undefined,
  ): Promise<boolean> {
    const call = this.begin(options);
    let had = false;
    const produce = (base: Snapshot): Produced => {
      had = base.value !== ABSENT;
      return had ? { kind: 'tombstone' } : { kind: 'none' };
    };
    const left = await this.write('delete', produce, options, (result) => result.head, event);
    if (options?.erase === true) {
      await this.within(eraseDeleted(this.engine, this.key, remainingMs(call)), call);
    }
    // Its own tombstone may be one that an earlier call with this id has written.
    return had || (left?.deleted === true && left.id === options?.operationId);
  }

  /**
   * Hands a write to the log's queue. All that can be refused without looking at the store is refused here.
   * @internal
   */
  protected write<T>(
    kind: 'save' | 'update' | 'delete' | 'append',
    produce: (base: Snapshot) => Produced,
    options: (WriteOptions & { readonly expected?: SaveOptions['expected'] }) | undefined = {},
    finish: (result: Snapshot) => T,
    event: OpenOperation | undefined,
    repeats?: Repeats,
  ): Promise<T> {
    const call = this.begin(options);
    const { operationId, expected } = options;
    checkOperationId(operationId, kind === 'append' ? 'messageId' : 'operationId');
    const ttlMs = checkTtl(options.ttlMs, options.keepTtl) ?? this.options.ttlMs;
    const seen = this.comparison();
    const commutes = kind === 'update' || kind === 'append';
    const pin = kind === 'append' ? 'expectedVersion' : 'expected';
    const compare = expected !== undefined ? comparisonOf(expected, pin) : commutes ? ANY : seen;
    const request: OperationRequest = {
      key: this.key,
      id: operationId ?? this.engine.newId(),
      repeatable: operationId !== undefined,
      compare,
      pinned: expected !== undefined,
      blind:
        operationId === undefined &&
        ((kind === 'save' && compare.kind === 'any') ||
          ((kind === 'save' || kind === 'append') && compare.kind === 'absent')),
      otherwise: seen,
      meta: checkMeta(options.meta),
      ttlMs,
      retain: this.options.retain,
      weigh: checkWeigh(options.weigh),
      produce,
      ...(repeats === undefined ? {} : { repeats }),
      writer: this,
      observed: observedWrite(event),
    };
    const operation = new Operation<T>(request, call, this.engine.deadlines, noting(event, finish));
    // Aborted before it began: it is settled already.
    if (!operation.pending) return operation.done;
    this.lastWrite = operation;
    this.pending.add(operation);
    if (this.engine.isReady && this.options.requireDurability === undefined && typeof ttlMs !== 'number') {
      this.cell.enqueue(operation);
    } else {
      this.prepare(call, ttlMs).then(
        () => this.cell.enqueue(operation),
        (error: unknown) => operation.fail(error),
      );
    }
    return operation.done;
  }

  /** @internal Remembers what a write of this handle has left behind. */
  settled(operation: Operation, result: Snapshot | undefined): void {
    this.pending.delete(operation);
    if (this.lastWrite === operation) this.lastWrite = undefined;
    if (result !== undefined) this.sight.wrote(result);
  }

  /** What a save of this handle may replace. */
  private comparison(): Comparison {
    return this.lastWrite === undefined ? this.sight.comparison() : { kind: 'after', write: this.lastWrite };
  }

  /** @internal See {@link Sight.verify}. */
  verify(): Promise<void> | undefined {
    return this.sight.verify();
  }

  /** @internal What a transaction needs of this handle. */
  participate(engine: Engine, call: Call, participation?: Participation): Participant {
    if (engine !== this.engine) {
      const advice = 'Take agents of the store itself: store.agent(key).';
      throw new TypeError(`The agent of "${this.key}" belongs to another store. ${advice}`);
    }
    this.assertOpen();
    const { cell, key, options, sight } = this;
    const begun = (): Copied => this.begun(cell.definition);
    const produced = (base: Snapshot, change: Change): Produced => this.produced(base, change);
    return participantOf({ engine, cell, key, options, sight, begun, produced }, call, participation);
  }

  // ── Life ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  protected begin(options: CallOptions | undefined): Call {
    this.assertOpen();
    return this.engine.call(options, this.timeoutMs);
  }

  /** @internal */
  protected async prepare(call: Call, ttlMs?: number | 'keep'): Promise<void> {
    const { durability } = await this.engine.ready(call);
    this.engine.requireDurability(durability, this.options.requireDurability);
    if (typeof ttlMs === 'number') this.engine.requireTtl();
  }

  /** @internal */
  protected within<T>(promise: Promise<T>, call: Call): Promise<T> {
    return this.engine.within(promise, call, this.key);
  }

  /** @internal Told once the agent is being closed, until what it returns is called. */
  protected onClosing(listener: () => void): () => void {
    this.assertOpen();
    this.closing ??= new AbortController();
    const { signal } = this.closing;
    signal.addEventListener('abort', listener, { once: true });
    return () => signal.removeEventListener('abort', listener);
  }

  private assertOpen(): void {
    if (this.closed !== undefined)
      throw new AgentClosedError(`The agent of "${this.key}" was closed.`, { key: this.key });
    this.engine.assertOpen();
  }

  close(): Promise<void> {
    this.closed ??= (async () => {
      this.closing?.abort();
      await Promise.allSettled([...this.pending].map(({ done }) => done));
      await this.onClose?.();
    })();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For logs: which state it is of, and nothing of that. */
  [inspect.custom](): string {
    return `${this.constructor.name} { ${this.engine.backend.name}: ${JSON.stringify(this.key)} }`;
  }
}
