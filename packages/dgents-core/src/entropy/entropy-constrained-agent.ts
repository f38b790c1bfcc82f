import type { Version } from '../backend.js';
import type { Codec, CodecOptions } from '../codec/codec.js';
import type { DataAgent, SaveOptions, UpdateOptions, Versioned, Weight } from '../data-agent.js';
import { EntropyBudgetExceededError, UnsupportedError } from '../errors.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import { STATE_RULES, type StateRules, stateRulesOf } from '../state/state-rules.js';
import { ForwardingAgent } from '../wrapper/forwarding-agent.js';
import { LentAgent } from '../wrapper/lent-agent.js';
import { type BudgetRule, checkBudget, checkWhole, DEFAULT_MAX_BYTES, limitOf, perDepth } from './budget.js';
import { weightOf, weightOfResult } from './weigh.js';

export interface EntropyConstrainedAgentOptions {
  /** What a state may weigh at a budget of 1, in bytes of its stored JSON text; 1,000,000 unless told. */
  readonly maxBytes?: number;
  /** The part of `maxBytes` that is granted: greater than 0, at most 1. What `rule` gives for the depth unless told. */
  readonly budget?: number;
  /** How far below the root of the tree of agents; 0 unless told. */
  readonly depth?: number;
  /** The budget of a depth; `1 / (depth + 1)` unless told. */
  readonly rule?: BudgetRule;
  /** What a single write may add to the log, in bytes; no limit unless told. */
  readonly maxRecordBytes?: number;
  /** How many versions may be kept, the current one included; no limit unless told. `retain` of the agent inside trims. */
  readonly maxVersions?: number;
  /** `refuse`, unless told; `warn`: the write is made, and `onWarning` is told once for each call. */
  readonly mode?: 'refuse' | 'warn';
  /** Told in mode `warn`; a process warning unless told. */
  readonly onWarning?: (error: EntropyBudgetExceededError) => void;
  /**
   * That of the agent inside; agents of dgents tell it. Only used where that agent does not weigh writes itself
   * (`capabilities.weighs`).
   */
  readonly codec?: Codec | CodecOptions | undefined;
}

export interface ChildOptions<T> extends EntropyConstrainedAgentOptions {
  /** The agent of the child's own state, which it closes. The parent's unless told, which stays open. */
  readonly agent?: DataAgent<T>;
}

const OPTIONS: OptionNames<EntropyConstrainedAgentOptions> = {
  maxBytes: true,
  budget: true,
  depth: true,
  rule: true,
  maxRecordBytes: true,
  maxVersions: true,
  mode: true,
  onWarning: true,
  codec: true,
};
const CHILD_OPTIONS: OptionNames<ChildOptions<unknown>> = { ...OPTIONS, agent: true };

/**
 * Limits what a state may weigh by its place in a tree of agents: `floor(maxBytes × budget)` bytes, where a child has
 * less than its parent. Counted are the bytes of the state's JSON text in UTF-8, as the engine knows them anyway,
 * inside the comparison that decides a write: also of several writers at once none exceeds it, and nothing is encoded
 * for it. What is refused is an `EntropyBudgetExceededError`, and nothing was written.
 *
 * It limits writes through this agent. What is stored already, or by others, loads as it is. The measure is that before
 * compression or encryption. Durability is that of the agent inside, which is closed with it.
 *
 * ```ts
 * const root = new EntropyConstrainedAgent(store.agent<Plan>('plan'), { maxBytes: 1_000_000 });
 * const child = root.child({ agent: store.agent<Plan>('plan:step-1') }); // 500,000 bytes
 * ```
 */
export class EntropyConstrainedAgent<S> extends ForwardingAgent<S> {
  /** The part of `maxBytes` that is granted. */
  readonly budget: number;
  /** How far below the root. */
  readonly depth: number;
  /** What a state may weigh, in bytes. */
  readonly limitBytes: number;
  private readonly options: EntropyConstrainedAgentOptions;
  private readonly rules: StateRules;

  /**
   * @throws RangeError, TypeError when a limit cannot be meant
   * @throws UnsupportedError for a limit of records or versions around an agent that does not weigh its writes
   */
  constructor(inner: DataAgent<S>, options: EntropyConstrainedAgentOptions = {}) {
    super(inner);
    checkOptions('EntropyConstrainedAgent', options, OPTIONS);
    const { maxBytes = DEFAULT_MAX_BYTES, depth = 0, rule = perDepth, mode = 'refuse', codec } = options;
    this.depth = checkWhole('depth', depth, 0);
    this.budget = checkBudget(options.budget === undefined ? rule(depth) : options.budget);
    this.limitBytes = limitOf(checkWhole('maxBytes', maxBytes, 1), this.budget);
    if (mode !== 'refuse' && mode !== 'warn') throw new TypeError('mode is "refuse" or "warn".');
    for (const name of ['maxRecordBytes', 'maxVersions'] as const) {
      const limit = options[name];
      if (limit === undefined) continue;
      checkWhole(name, limit, 1);
      if (!inner.capabilities.weighs) {
        throw new UnsupportedError(`The agent inside does not weigh its writes, so ${name} cannot be told.`);
      }
    }
    this.options = options;
    this.rules = stateRulesOf(inner, { codec });
  }

  /** @internal Its states are those of the agent inside. */
  override get [STATE_RULES](): StateRules {
    return this.rules;
  }

  /**
   * The agent one level below, with the same limits but for what is told, and the budget of its depth.
   * @param options what differs; `agent` for a state of its own
   */
  child<T = S>(options: ChildOptions<T> = {}): EntropyConstrainedAgent<T> {
    checkOptions('child()', options, CHILD_OPTIONS);
    const { agent = new LentAgent(this.inner) as unknown as DataAgent<T>, ...own } = options;
    const { budget: _, ...inherited } = this.options;
    // What is undefined is not told: it must not take a limit away.
    const told = Object.entries(own).filter(([, value]) => value !== undefined);
    return new EntropyConstrainedAgent<T>(agent, {
      ...inherited,
      depth: this.depth + 1,
      ...Object.fromEntries(told),
    });
  }

  /** @throws EntropyBudgetExceededError when it exceeds a limit; nothing was written then */
  override save(state: S, options: SaveOptions = {}): Promise<Version> {
    if (this.inner.capabilities.weighs) return super.save(state, this.weighing(options));
    if (state !== undefined) {
      try {
        this.admit({ bytes: weightOf(this.rules.codec, state, this.key) });
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return super.save(state, options);
  }

  /** @throws EntropyBudgetExceededError when its result exceeds a limit; nothing was written then */
  override update(change: (draft: S) => S | void, options: UpdateOptions = {}): Promise<Versioned<S>> {
    if (this.inner.capabilities.weighs) return super.update(change, this.weighing(options));
    if (typeof change !== 'function') return super.update(change, options);
    const admit = this.once();
    const weighed = (draft: S): S | void => {
      const result = change(draft);
      const bytes = weightOfResult(this.rules.codec, draft, result, this.key);
      if (bytes !== undefined) admit({ bytes });
      return result;
    };
    return super.update(weighed, options);
  }

  private weighing<O extends UpdateOptions>(options: O): O {
    const admit = this.once();
    const { weigh } = options;
    if (weigh === undefined) return { ...options, weigh: admit };
    // What is no function, or returns a promise, the agent inside refuses.
    if (typeof weigh !== 'function') return options;
    const both = (weight: Weight): unknown => {
      admit(weight);
      return weigh(weight);
    };
    return { ...options, weigh: both };
  }

  /** A write is weighed each time it is tried, and warned of once. */
  private once(): (weight: Pick<Weight, 'bytes'> & Partial<Weight>) => void {
    let warned = false;
    return (weight) => {
      if (!warned) warned = this.admit(weight);
    };
  }

  /** @returns whether a warning was given */
  private admit({ bytes, recordBytes = 0, versions = 0 }: Pick<Weight, 'bytes'> & Partial<Weight>): boolean {
    const { limitBytes } = this;
    const { maxRecordBytes = Infinity, maxVersions = Infinity } = this.options;
    if (bytes > limitBytes) {
      return this.exceeded(
        'state',
        `The state would weigh ${bytes} bytes; ${limitBytes} are allowed`,
        bytes,
        limitBytes,
      );
    }
    if (recordBytes > maxRecordBytes) {
      const message = `The write would add ${recordBytes} bytes to the log; ${maxRecordBytes} are allowed at once`;
      return this.exceeded('record', message, recordBytes, maxRecordBytes);
    }
    if (versions > maxVersions) {
      const message = `${versions} versions would be kept; ${maxVersions} are allowed (give the agent inside \`retain\`)`;
      return this.exceeded('versions', message, bytes, limitBytes);
    }
    return false;
  }

  private exceeded(
    limit: EntropyBudgetExceededError['limit'],
    what: string,
    bytes: number,
    limitBytes: number,
  ): boolean {
    const { budget, depth, key } = this;
    const { mode = 'refuse', onWarning = warnProcess } = this.options;
    const at = `at depth ${depth}, with a budget of ${Number(budget.toFixed(3))}`;
    const end = mode === 'refuse' ? 'Nothing was stored.' : 'It is stored nevertheless.';
    const error = new EntropyBudgetExceededError(`${what}, ${at}. ${end}`, {
      bytes,
      limitBytes,
      budget,
      depth,
      limit,
      key,
    });
    if (mode === 'refuse') throw error;
    onWarning(error);
    return true;
  }
}

function warnProcess(error: EntropyBudgetExceededError): void {
  process.emitWarning(error.message, { type: 'DgentsWarning', code: error.code });
}
