/** What all agents of one store share: the backend, its readiness, time, randomness, and the replicas in use. */
import { getMaxListeners, setMaxListeners } from 'node:events';
import type { Backend, BackendCapabilities, Durability, CallOptions as PortOptions } from '../backend.js';
import type { CallOptions, Capabilities } from '../data-agent.js';
import { AgentClosedError, DgentsError, StorageUnavailableError, UnsupportedError } from '../errors.js';
import { ObservedBackend } from '../observe/observed-backend.js';
import { checkDurability } from './arguments.js';
import { Cell } from './cell.js';
import { type Call, Deadlines, ignore, monotonicMs, remainingMs } from './deadlines.js';
import { type Definition, type DefinitionOptions, Definitions, type EventOptions } from './definition.js';
import { operationIds, type RandomBytes } from './ids.js';
import { CHECKPOINT_FACTOR } from './policy.js';

export const DEFAULT_TIMEOUT_MS = 5000;

export interface EngineOptions {
  /** Settle every call within so many milliseconds, unless the agent or the call says otherwise; 5,000 by default. */
  readonly timeoutMs?: number;
  /** Refuse a store that cannot promise this, or does not any more: at `ready`, and at every call. */
  readonly requireDurability?: 'process' | 'power';
  /** Milliseconds since the epoch: stamps versions. `Date.now` unless told. */
  readonly clock?: () => number;
  /** From 0 to 1: spreads retries. `Math.random` unless told. */
  readonly random?: () => number;
  /** Fills operation ids. The system's generator unless told. */
  readonly randomBytes?: RandomBytes;
  /**
   * A checkpoint is written when the records since the last one weigh so many times the state: more makes for fewer
   * bytes and slower first loads. 2 unless told.
   */
  readonly checkpointFactor?: number;
  /** Told of what went wrong outside any call (a checkpoint, a trim). A process warning unless told. */
  readonly onWarning?: (error: unknown) => void;
}

export class Engine {
  /** The one it was given, observed. */
  readonly backend: Backend;
  readonly deadlines = new Deadlines();
  readonly clock: () => number;
  readonly random: () => number;
  readonly newId: () => string;
  readonly timeoutMs: number;
  readonly checkpointFactor: number;
  /** How messages call the backend. */
  private readonly title: string;
  private readonly warn: (error: unknown) => void;
  private readonly definitions = new Definitions();
  private readonly cells = new WeakMap<Definition, Map<string, WeakRef<Cell>>>();
  private readonly dropped = new FinalizationRegistry<{ of: WeakRef<Definition>; key: string }>(
    ({ of, key }) => {
      const definition = of.deref();
      const cells = definition && this.cells.get(definition);
      if (cells?.get(key)?.deref() === undefined) cells?.delete(key);
    },
  );
  private readonly inBackground = new Set<Promise<void>>();
  private readonly underWay = new Set<Promise<unknown>>();
  private readiness: { readonly promise: Promise<BackendCapabilities>; readonly until: number } | undefined;
  private known: BackendCapabilities | undefined;
  private closing: Promise<void> | undefined;
  private readonly ending = new AbortController();

  constructor(
    backend: Backend,
    private readonly options: EngineOptions = {},
  ) {
    this.backend = new ObservedBackend(backend);
    this.clock = options.clock ?? Date.now;
    this.random = options.random ?? Math.random;
    this.newId = operationIds(options.randomBytes);
    this.timeoutMs = checkTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.checkpointFactor = options.checkpointFactor ?? CHECKPOINT_FACTOR;
    if (!(this.checkpointFactor > 0)) throw new RangeError('checkpointFactor is greater than 0.');
    checkDurability(options.requireDurability);
    this.warn = options.onWarning ?? warnProcess;
    this.title = `The ${backend.name} store`;
  }

  get capabilities(): Capabilities {
    return {
      ...(this.known ?? this.backend.capabilities),
      backend: this.backend.name,
      conflicts: 'immediate',
      weighs: true,
    };
  }

  /** What the backend can do, as far as is known. */
  get port(): BackendCapabilities {
    return this.known ?? this.backend.capabilities;
  }

  /** Whether the backend was set up, and what is required of it is still promised. */
  get isReady(): boolean {
    return this.known !== undefined && isEnough(this.known.durability, this.options.requireDurability);
  }

  /** Sets the backend up once, and again where it has come to promise too little; a failure is not remembered. */
  async ready(call: Call): Promise<BackendCapabilities> {
    if (call.signal?.aborted) throw call.signal.reason;
    if (this.known !== undefined && this.isReady) return this.known;
    // One whose answer never came must not stand in the way for ever.
    if (this.readiness === undefined || this.readiness.until <= monotonicMs())
      this.readiness = this.prepare(call);
    return this.within(this.readiness.promise, call, undefined);
  }

  private prepare(call: Call): { promise: Promise<BackendCapabilities>; until: number } {
    const promise = this.backend
      .ready(this.portOptions(call))
      .then((capabilities) => {
        this.requireDurability(capabilities.durability, this.options.requireDurability);
        this.known = capabilities;
        return capabilities;
      })
      .finally(() => {
        if (this.readiness?.promise === promise) this.readiness = undefined;
      });
    return { promise, until: call.deadline };
  }

  /** @throws UnsupportedError when the store cannot promise what is required */
  requireDurability(actual: Durability, required: 'process' | 'power' | undefined): void {
    if (isEnough(actual, required)) return;
    throw new UnsupportedError(
      `Durability "${required}" is required, but the ${this.backend.name} store promises "${actual}". ` +
        'Choose another store or its durable setting, or require less.',
    );
  }

  /** @throws UnsupportedError where logs cannot expire */
  requireTtl(): void {
    if (this.port.ttl) return;
    throw new UnsupportedError(
      `The ${this.backend.name} store keeps states until they are deleted: it takes no ttlMs.`,
    );
  }

  call(options: CallOptions | undefined, timeoutMs: number): Call {
    checkSignal(options?.signal);
    const limit = options?.timeoutMs === undefined ? timeoutMs : checkTimeout(options.timeoutMs);
    return { deadline: monotonicMs() + limit, timeoutMs: limit, signal: options?.signal };
  }

  portOptions(call: Call): PortOptions {
    return { timeoutMs: remainingMs(call) };
  }

  /** The promise's result, made what is wanted by `finish`, unless the call ends first. Its errors become typed ones. */
  within<T, R = T>(
    promise: Promise<T>,
    call: Call,
    key: string | undefined,
    finish?: (value: T) => R | PromiseLike<R>,
  ): Promise<R> {
    return this.deadlines.within(promise, call, this.title, key, finish, (error) => this.typed(error, key));
  }

  /** The same for a commit: its errors are as the backend gave them, since a bare one means that nothing is known. */
  withinCommit<T, R = T>(
    promise: Promise<T>,
    call: Call,
    key: string | undefined,
    finish?: (value: T) => R,
  ): Promise<R> {
    return this.deadlines.within(promise, call, this.title, key, finish);
  }

  private typed(error: unknown, key: string | undefined): unknown {
    if (DgentsError.is(error) || error instanceof TypeError || error instanceof RangeError) return error;
    if (error instanceof Error && error.name === 'AbortError') return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new StorageUnavailableError(`${this.title} failed: ${reason}`, { cause: error, key });
  }

  define(options: DefinitionOptions<unknown> & EventOptions): Definition {
    return this.definitions.of(options);
  }

  /** The replica of this key's log under this definition; one for all handles that are in use. */
  cell(definition: Definition, key: string): Cell {
    let cells = this.cells.get(definition);
    if (cells === undefined) {
      cells = new Map();
      this.cells.set(definition, cells);
    }
    const existing = cells.get(key)?.deref();
    if (existing !== undefined) return existing;
    const cell = new Cell(this, definition, key);
    cells.set(key, new WeakRef(cell));
    this.dropped.register(cell, { of: new WeakRef(definition), key });
    return cell;
  }

  /** Work that nobody waits for, but that `close` does. Its failure is a warning: what it failed to do is a cache. */
  background(work: Promise<void>): void {
    const guarded: Promise<void> = work
      .catch((error: unknown) => {
        if (this.closing === undefined) this.warn(error);
      })
      .finally(() => this.inBackground.delete(guarded));
    this.inBackground.add(guarded);
  }

  /** Waits for a step of work in the background that is left where it is when the store is closed meanwhile. */
  async unlessClosing<T>(step: Promise<T>): Promise<T> {
    const { signal } = this.ending;
    let leave: () => void = ignore;
    try {
      return await new Promise<T>((resolve, reject) => {
        leave = () => reject(new AgentClosedError('The store was closed. Open it again.'));
        step.then(resolve, reject);
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave);
      });
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Work of several steps that was accepted, and that `close` waits for; single steps it knows by their deadlines. */
  accept<T>(work: Promise<T>): Promise<T> {
    this.underWay.add(work);
    const forget = (): void => void this.underWay.delete(work);
    work.then(forget, forget);
    return work;
  }

  /** @throws AgentClosedError once the store was closed */
  assertOpen(): void {
    if (this.closing !== undefined) throw new AgentClosedError('The store was closed. Open it again.');
  }

  /** Waits for the given work and what runs in the background, then closes the backend, unless that is to stay open. */
  close(accepted: Iterable<Promise<unknown>>, { keepBackend = false } = {}): Promise<void> {
    this.ending.abort();
    this.closing ??= (async () => {
      await Promise.allSettled([...accepted, ...this.underWay]);
      await this.deadlines.idle();
      await Promise.allSettled([...this.inBackground]);
      await this.prepared();
      if (!keepBackend) await this.backend.close();
    })();
    return this.closing;
  }

  /** Once the set-up under way, if there is one, has come to an end or run out of time. */
  private async prepared(): Promise<void> {
    if (this.readiness === undefined) return;
    const { promise, until: deadline } = this.readiness;
    await this.within(promise, { deadline, timeoutMs: this.timeoutMs, signal: undefined }, undefined).catch(
      ignore,
    );
  }
}

function isEnough(actual: Durability, required: 'process' | 'power' | undefined): boolean {
  return required === undefined || actual === 'power' || actual === required;
}

/** @throws TypeError or RangeError */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number') throw new TypeError(`timeoutMs is a number, not ${typeof timeoutMs}.`);
  if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is greater than 0, not ${timeoutMs}.`);
  return Math.min(timeoutMs, 2 ** 31 - 2);
}

const SHARED_LISTENERS = 10_000;

/** @throws TypeError */
function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') {
    // Many calls may share one signal, each with a listener of its own while it is under way: that is no leak.
    if (signal instanceof EventTarget && getMaxListeners(signal) < SHARED_LISTENERS) {
      setMaxListeners(SHARED_LISTENERS, signal);
    }
    return;
  }
  throw new TypeError(
    '`signal` is an AbortSignal: new AbortController().signal, or AbortSignal.timeout(ms).',
  );
}

function warnProcess(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.emitWarning(`Something went wrong in the background: ${message}`, {
    type: 'DgentsWarning',
    code: 'DGENTS_BACKGROUND',
  });
}
