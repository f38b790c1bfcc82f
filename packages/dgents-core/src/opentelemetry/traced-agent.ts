import type { Version } from '../backend.js';
import type {
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
} from '../data-agent.js';
import type { OperationName } from '../observe/events.js';
import { errorName } from '../observe/observe.js';
import { checkOptions } from '../option-names.js';
import { STATE_RULES, type StateRules, stateRulesOf } from '../state/state-rules.js';
import { ForwardingAgent } from '../wrapper/forwarding-agent.js';
import type { Named } from './conventions.js';
import { listen, runTraced } from './current.js';
import { TELEMETRY_OPTIONS, type TelemetryOptions } from './options.js';
import { type Recording, Telemetry } from './telemetry.js';
import { tracedSteps } from './traced-steps.js';

/**
 * Makes a span and metrics of every call, after the OpenTelemetry semantic conventions 1.44 for database clients, and
 * hands the call on as it came.
 *
 * A span is a child of the active one, and is active while the agent inside works: those of a database driver are its
 * children. It tells the operation, the kind of store, the version, and how often the write was tried, sent again or
 * found a conflict; `error.type` is the code of the error. No state, message or stack is recorded, and no key unless
 * `recordKeys`. The span of a `timeline` or `watch` lasts from the first step until the iteration ends or is left.
 *
 * Put it outermost to see what callers wait for, innermost to see what reaches the store.
 *
 * ```ts
 * const agent = new TracedAgent(store.agent<Profile>('user:alice'), { collection: 'profile' });
 * ```
 */
export class TracedAgent<S> extends ForwardingAgent<S> {
  private readonly telemetry: Telemetry;
  private readonly backend: string;
  private readonly names = new Map<OperationName, Named>();
  private readonly stopListening: () => void;

  /** @throws TypeError when an option cannot be meant */
  constructor(inner: DataAgent<S>, options: TelemetryOptions = {}) {
    super(inner);
    checkOptions('TracedAgent', options, TELEMETRY_OPTIONS);
    this.telemetry = new Telemetry(options);
    this.backend = inner.capabilities.backend;
    this.stopListening = listen();
  }

  /** @internal Its states are those of the agent inside. */
  override get [STATE_RULES](): StateRules {
    return stateRulesOf(this.inner);
  }

  override load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  override load(options?: LoadOptions): Promise<S>;
  override load(options?: LoadOptions): Promise<S | DeepReadonly<S>> {
    return this.traced('load', () => this.inner.load(options));
  }

  override read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  override read(options?: LoadOptions): Promise<Versioned<S>>;
  override read(options?: LoadOptions): Promise<Versioned<S | DeepReadonly<S>>> {
    return this.traced('read', () => this.inner.read(options));
  }

  override save(state: S, options?: SaveOptions): Promise<Version> {
    return this.traced('save', () => this.inner.save(state, options));
  }

  override update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    return this.traced('update', () => this.inner.update(change, options));
  }

  override delete(options?: DeleteOptions): Promise<boolean> {
    return this.traced('delete', () => this.inner.delete(options));
  }

  override history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<S>[]>;
  override history(limit?: number, options?: LoadOptions): Promise<S[]>;
  override history(limit?: number, options?: LoadOptions): Promise<(S | DeepReadonly<S>)[]> {
    return this.traced('history', () => this.inner.history(limit, options));
  }

  override timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override timeline(options?: TimelineOptions): AsyncIterable<Versioned<S> | Deleted>;
  override timeline(options?: TimelineOptions): AsyncIterable<Versioned<never> | Deleted> {
    const items = super.timeline(options) as AsyncIterable<Versioned<never> | Deleted>;
    return tracedSteps(items, () => this.begin('timeline', false));
  }

  override watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;
  override watch(options?: WatchOptions): AsyncIterable<Versioned<never> | Deleted> {
    const items = super.watch(options) as AsyncIterable<Versioned<never> | Deleted>;
    return tracedSteps(items, () => this.begin('watch', false));
  }

  private begin(operation: OperationName, isTimed: boolean): Recording {
    let name = this.names.get(operation);
    if (name === undefined) {
      name = this.telemetry.name(operation, this.backend, this.key);
      this.names.set(operation, name);
    }
    return this.telemetry.begin(name, isTimed);
  }

  private async traced<T>(operation: OperationName, work: () => Promise<T>): Promise<T> {
    const recording = this.begin(operation, true);
    try {
      const result = await runTraced(recording, work);
      recording.end();
      return result;
    } catch (error) {
      recording.end(errorName(error));
      throw error;
    }
  }

  /** Closes the agent inside. */
  override close(): Promise<void> {
    return this.inner.close().finally(this.stopListening);
  }
}
