/** What a cache holds: one state, since when, and private copies of it. */
import type { Version } from '../backend.js';
import type { DeepReadonly, Deleted, Versioned } from '../data-agent.js';
import { Lifetime } from './lifetime.js';
import type { CacheRules } from './options.js';

interface Entry<S> {
  readonly place: Versioned<S>;
  readonly at: number;
}

export class Holder<S> {
  /** Raised whenever what is being asked for may be outdated before it arrives. */
  round = 0;
  /** False once a state was met that cannot be copied without the codec of the agent inside. */
  canHold: boolean;
  readonly lifetime = new Lifetime();
  private entry: Entry<S> | undefined;
  /** What frozen views of a place are made of, once one was asked for: it takes twice as long to copy what is frozen. */
  private shared: { readonly place: Versioned<S>; readonly state: S } | undefined;
  /** The newest version that a watch has reported: nothing older is held. */
  private reported: Version = 0;

  constructor(private readonly rules: Pick<CacheRules<S>, 'maxAgeMs' | 'clock' | 'codec'>) {
    this.canHold = rules.maxAgeMs > 0;
  }

  get place(): Versioned<S> | undefined {
    return this.entry?.place;
  }

  /** Whether the time to live of what is held may have run out, as far as it is known. */
  get isOver(): boolean {
    const { entry, lifetime, rules } = this;
    return entry !== undefined && rules.clock() >= lifetime.endOf(entry.place.version);
  }

  /** How old what is held is. */
  get ageMs(): number | undefined {
    return this.entry === undefined ? undefined : this.rules.clock() - this.entry.at;
  }

  /**
   * @param at when the store was asked: it was the newest then, or became it later
   * @param round when it was asked
   */
  hold(place: Versioned<S>, at: number, round: number): void {
    // What comes from `initial` is a fresh one at each call.
    if (!this.canHold || round !== this.round || place.head === null || place.version < this.reported) return;
    // An earlier question about the same place makes it no older.
    if (this.entry?.place.head?.id === place.head.id && this.entry.at >= at) return;
    this.entry = { place, at };
  }

  drop(): void {
    this.round += 1;
    this.entry = undefined;
    this.shared = undefined;
  }

  /** A watch has shown this. Returns whether it is what is held. */
  notice({ version, head }: Versioned<unknown> | Deleted): boolean {
    this.reported = version;
    if (this.entry !== undefined && this.entry.place.head?.id === head?.id) return true;
    this.entry = undefined;
    return false;
  }

  /**
   * A copy of the state at a place that is held, was, or is about to be; frozen ones are shared as far as freezing protects them.
   * @throws StateSerializationError when there is something in it that the codec does not know; see {@link refuse}
   */
  copy(place: Versioned<S>, frozen: boolean | undefined): S | DeepReadonly<S> {
    const { codec } = this.rules;
    if (frozen !== true) return codec.clone(place.state);
    if (this.shared?.place !== place) this.shared = { place, state: codec.clone(place.state) };
    return codec.freeze(this.shared.state) as DeepReadonly<S>;
  }

  /** From now on every question goes inside. */
  refuse(): void {
    this.canHold = false;
    this.drop();
  }
}
