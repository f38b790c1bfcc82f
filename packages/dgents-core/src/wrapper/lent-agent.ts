import type { Version } from '../backend.js';
import type {
  CallOptions,
  Capabilities,
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
import { AgentClosedError } from '../errors.js';
import { endedBy } from '../state/ended-by.js';
import { STATE_RULES, type StateRules, stateRulesOf } from '../state/state-rules.js';
import { ForwardingAgent } from './forwarding-agent.js';

type Items = AsyncIterable<Versioned<never> | Deleted>;

/**
 * An agent that is lent to somebody who closes what they are given, as wrappers do: closing the loan ends it, with its
 * watches, and leaves the agent inside open. Loans of one agent are one handle: what one of them has seen, a save of
 * another may overwrite.
 *
 * ```ts
 * const cached = new CachedAgent(new LentAgent(agent));
 * await cached.close(); // `agent` is still open
 * ```
 */
export class LentAgent<S> extends ForwardingAgent<S> {
  private readonly pending = new Set<Promise<unknown>>();
  private readonly walks = new Set<AbortController>();
  private closing: Promise<void> | undefined;

  /** @internal Its states are those of the agent inside. */
  override get [STATE_RULES](): StateRules {
    return stateRulesOf(this.inner);
  }

  override ready(options?: CallOptions): Promise<Capabilities> {
    return this.begin(() => super.ready(options));
  }

  override load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  override load(options?: LoadOptions): Promise<S>;
  override load(options?: LoadOptions): Promise<S | DeepReadonly<S>> {
    return this.begin(() => super.load(options));
  }

  override read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  override read(options?: LoadOptions): Promise<Versioned<S>>;
  override read(options?: LoadOptions): Promise<Versioned<S | DeepReadonly<S>>> {
    return this.begin(() => super.read(options));
  }

  override save(state: S, options?: SaveOptions): Promise<Version> {
    return this.begin(() => super.save(state, options));
  }

  override update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    return this.begin(() => super.update(change, options));
  }

  override history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<S>[]>;
  override history(limit?: number, options?: LoadOptions): Promise<S[]>;
  override history(limit?: number, options?: LoadOptions): Promise<(S | DeepReadonly<S>)[]> {
    return this.begin(() => super.history(limit, options));
  }

  override timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override timeline(options?: TimelineOptions): AsyncIterable<Versioned<S> | Deleted>;
  override timeline(options?: TimelineOptions): Items {
    return this.walk(() => super.timeline(options) as Items);
  }

  override watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;
  override watch(options?: WatchOptions): Items {
    return this.walk((signal) => super.watch({ ...options, signal }) as Items, options?.signal);
  }

  override delete(options?: DeleteOptions): Promise<boolean> {
    return this.begin(() => super.delete(options));
  }

  private begin<T>(call: () => Promise<T>): Promise<T> {
    if (this.closing !== undefined) return Promise.reject(this.closed());
    const done = call();
    this.pending.add(done);
    const forget = (): void => void this.pending.delete(done);
    done.then(forget, forget);
    return done;
  }

  /** An iteration that ends when the loan does. */
  private walk(begin: (signal: AbortSignal) => Items, signal?: AbortSignal): Items {
    const ending = new AbortController();
    return endedBy(this.steps(begin, ending, signal), ending);
  }

  private async *steps(
    begin: (signal: AbortSignal) => Items,
    ending: AbortController,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<never, void, undefined> {
    if (this.closing !== undefined) throw this.closed();
    const end = (): void => ending.abort();
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    this.walks.add(ending);
    try {
      for await (const item of begin(ending.signal)) {
        if (ending.signal.aborted) return;
        yield item as never;
      }
    } finally {
      this.walks.delete(ending);
      signal?.removeEventListener('abort', end);
    }
  }

  private closed(): AgentClosedError {
    return new AgentClosedError('The loan of the agent was closed.', { key: this.key });
  }

  /** Waits for what was accepted, and ends its watches. The agent inside stays open. */
  override close(): Promise<void> {
    this.closing ??= (async () => {
      for (const walk of this.walks) walk.abort();
      await Promise.allSettled(this.pending);
    })();
    return this.closing;
  }
}
