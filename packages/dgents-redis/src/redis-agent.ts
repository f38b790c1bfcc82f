import {
  type AgentOptions,
  type Backend,
  BackendAgent,
  type CallOptions,
  type DeepReadonly,
  type EngineOptions,
  type Opening,
  StorageTimeoutError,
  type UpdateOptions,
  type Versioned,
} from 'dgents-core';
import type { RedisBackendOptions } from './backend-options.js';
import { added, checkStep, type NumberPath, numberIn, stepsOf } from './increments.js';
import { RedisBackend } from './redis-backend.js';
import { backendOf } from './urls.js';

/** Where the state is: one of `url`, `redis`, `cluster`, `client` and `backend`; those of a backend of its own. */
export interface RedisAgentOptions<S>
  extends AgentOptions<S>,
    EngineOptions,
    Omit<RedisBackendOptions, 'url'> {
  /** `redis://user:password@host:6379/0`; opened for this agent, and closed with it. Options may stand in it. */
  readonly url?: string;
  /**
   * One that stays yours: agents that share it share its connection, and closing them leaves it open. Of a store of
   * this package too: `store.backend`.
   */
  readonly backend?: Backend;
  /** The address of the state in the store; `state` unless told. */
  readonly key?: string;
}

const OF_BACKEND = [
  'redis',
  'cluster',
  'client',
  'prefix',
  'hashTag',
  'feed',
  'expiry',
  'pollMs',
  'waitReplicas',
  'waitAof',
] as const;

const OWN_OPTIONS: readonly (keyof RedisAgentOptions<unknown>)[] = ['url', 'backend', 'key', ...OF_BACKEND];

/** That of all agents. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** Thrown by a recipe whose condition does not hold; nobody else sees it. */
const NOT_MET = new TypeError('the condition is not met');

/** A state in Redis or Valkey, alone, behind Sentinels or on a Cluster. */
export class RedisAgent<S, In = unknown> extends BackendAgent<S> {
  readonly #backend: RedisBackend;
  readonly #timeoutMs: number;

  /**
   * @throws TypeError unless it is said where; UnsupportedError for a URL or an option that cannot be
   */
  constructor(options: Opening<RedisAgentOptions<S>, S, In>);
  constructor(options: RedisAgentOptions<S>) {
    const { url, backend, key, ...rest } = options;
    const used = backend ?? newBackend(url, rest);
    if (!(used instanceof RedisBackend)) {
      throw new TypeError('RedisAgent takes a RedisBackend, such as `store.backend`.');
    }
    const own = rest as Record<string, unknown>;
    if (backend !== undefined && (url !== undefined || OF_BACKEND.some((name) => own[name] !== undefined))) {
      throw new TypeError('Which Redis? Give RedisAgent a backend, or what it takes to open one, not both.');
    }
    super(used, withoutBackend(rest) as AgentOptions<S> & EngineOptions, {
      key,
      shared: backend !== undefined,
      ownOptions: OWN_OPTIONS,
    });
    this.#backend = used;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /**
   * Adds to a number in the state: an `update`, so none is lost, whoever else adds. One round trip for a handle that has
   * loaded or written; concurrent ones share it.
   *
   * @param path the name of a field, or names and indexes; `[]` where the state itself is the number. A field that is
   *   not there counts as 0
   * @param by 1 unless told; may be negative, or a fraction
   * @returns the number as it was made; of a repeated `operationId`, as it was made the first time
   * @throws TypeError where there is no number; then nothing is written
   */
  async increment(path: NumberPath<S>, by = 1, options?: UpdateOptions): Promise<number> {
    const steps = stepsOf(path);
    checkStep(by);
    let sum = 0;
    const made = await this.update((draft) => {
      sum = added(draft, steps, by);
      return steps.length === 0 ? (sum as S) : undefined;
    }, options);
    // One that had been made before is not made again: then what it made is all there is.
    return options?.operationId === undefined ? sum : numberIn(made.state, steps);
  }

  /**
   * An `update` that happens only if a condition holds of the very state that it changes.
   *
   * @param condition a synchronous function of the state; may be asked several times
   * @returns what was written; undefined where the condition did not hold of the newest state, and nothing was written
   * @throws StorageTimeoutError when it was never certain within `timeoutMs`, which is for all of the call
   */
  async updateIf(
    condition: (state: DeepReadonly<S>) => boolean,
    change: (draft: S) => S | void,
    options: UpdateOptions = {},
  ): Promise<Versioned<S> | undefined> {
    const { timeoutMs = this.#timeoutMs, signal } = options;
    const until = performance.now() + timeoutMs;
    const left = (): { timeoutMs: number } => {
      const leftMs = until - performance.now();
      if (leftMs > 0) return { timeoutMs: leftMs };
      const message = `The conditional update did not finish within ${timeoutMs} ms.`;
      throw new StorageTimeoutError(message, { key: this.key, timeoutMs });
    };
    for (let round = options; ; round = { ...options, ...left() }) {
      try {
        return await this.update((draft) => {
          if (!holds(condition, draft as DeepReadonly<S>)) throw NOT_MET;
          return change(draft);
        }, round);
      } catch (error) {
        if (error !== NOT_MET) throw error;
      }
      // It was asked of what this handle knew: the newest state may be another.
      const newest = await this.load({ ...left(), ...(signal && { signal }), frozen: true });
      if (!holds(condition, newest)) return undefined;
    }
  }

  /**
   * The channel on which the server publishes every change of this state, for programs that do not know dgents: kind,
   * version, id and time, as in `p 7 op-81 1767225600000`. `watch` listens to it.
   */
  channel(options: CallOptions = {}): Promise<string> {
    return this.#backend.channelOf(this.key, options);
  }
}

/** @throws TypeError for a promise, which would count as true */
function holds<S>(condition: (state: S) => boolean, state: S): boolean {
  const answer: unknown = condition(state);
  if (typeof (answer as { then?: unknown } | null | undefined)?.then !== 'function') return Boolean(answer);
  Promise.resolve(answer).catch(() => undefined);
  throw new TypeError('The condition returned a promise: it has to be synchronous. Do the slow work first.');
}

function newBackend(url: string | undefined, options: Omit<RedisBackendOptions, 'url'>): RedisBackend {
  return url === undefined ? new RedisBackend(ofBackend(options)) : backendOf(url, ofBackend(options));
}

function ofBackend(options: object): Omit<RedisBackendOptions, 'url'> {
  const given = options as Record<string, unknown>;
  return Object.fromEntries(
    OF_BACKEND.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  );
}

function withoutBackend(options: object): object {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => !(OF_BACKEND as readonly string[]).includes(name)),
  );
}
