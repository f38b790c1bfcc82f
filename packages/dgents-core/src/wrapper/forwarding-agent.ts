import type { Version } from '../backend.js';
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
} from '../data-agent.js';
import { STATE_RULES, type StateRules, stateRulesOf } from '../state/state-rules.js';
import { assertAgent } from './assert-agent.js';
import { keyOf } from './key-of.js';

/**
 * A wrapper that changes nothing: the base of those that change one thing. Options go through as they came, so that
 * one added later goes through too; a method added to the contract later does not compile until it is here.
 *
 * What an agent can do beside the contract is reached through the agent itself: `inner` is typed by the contract.
 */
export class ForwardingAgent<S> implements DataAgent<S> {
  /** The agent inside. */
  readonly inner: DataAgent<S>;

  /**
   * @param inner belongs to the wrapper from now on, and is closed with it
   * @throws TypeError when it is no agent
   */
  constructor(inner: DataAgent<S>) {
    assertAgent(inner);
    this.inner = inner;
  }

  /** The address of the state, where the agent inside tells it. */
  get key(): string | undefined {
    return keyOf(this.inner);
  }

  get capabilities(): Capabilities {
    return this.inner.capabilities;
  }

  /** @internal Without the schema: who extends this may change states on their way. */
  get [STATE_RULES](): StateRules {
    return { codec: stateRulesOf(this.inner).codec, schema: undefined };
  }

  ready(options?: CallOptions): Promise<Capabilities> {
    return this.inner.ready(options);
  }

  load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  load(options?: LoadOptions): Promise<S>;
  load(options?: LoadOptions): Promise<S | DeepReadonly<S>> {
    return this.inner.load(options);
  }

  read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  read(options?: LoadOptions): Promise<Versioned<S>>;
  read(options?: LoadOptions): Promise<Versioned<S | DeepReadonly<S>>> {
    return this.inner.read(options);
  }

  save(state: S, options?: SaveOptions): Promise<Version> {
    return this.inner.save(state, options);
  }

  update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    return this.inner.update(change, options);
  }

  history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<S>[]>;
  history(limit?: number, options?: LoadOptions): Promise<S[]>;
  history(limit?: number, options?: LoadOptions): Promise<(S | DeepReadonly<S>)[]> {
    return this.inner.history(limit, options);
  }

  timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  timeline(options?: TimelineOptions): AsyncIterable<Versioned<S> | Deleted>;
  timeline(options?: TimelineOptions): AsyncIterable<Versioned<never> | Deleted> {
    // One implementation serves both signatures: `frozen` decides what the views hold.
    return this.inner.timeline(options) as AsyncIterable<Versioned<never> | Deleted>;
  }

  watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;
  watch(options?: WatchOptions): AsyncIterable<Versioned<never> | Deleted> {
    return this.inner.watch(options) as AsyncIterable<Versioned<never> | Deleted>;
  }

  delete(options?: DeleteOptions): Promise<boolean> {
    return this.inner.delete(options);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
