/** Writes that go to the agent inside at once. It acknowledges first, and only then is the cache changed. */
import type { Version } from '../backend.js';
import type { DataAgent, DeleteOptions, SaveOptions, UpdateOptions, Versioned } from '../data-agent.js';
import { versionedView } from '../wrapper/views.js';
import type { Holder } from './holder.js';
import type { Shown } from './shown.js';

/** What a cache does with writes. */
export interface Writing<S> {
  save(state: S, options?: SaveOptions): Promise<Version>;
  update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>>;
  delete(options?: DeleteOptions): Promise<boolean>;
}

export class WriteThrough<S> implements Writing<S> {
  constructor(
    private readonly inner: DataAgent<S>,
    private readonly holder: Holder<S>,
    private readonly shown: Shown,
    private readonly clock: () => number,
    /** Holds nothing any more, also not what is just being asked for. */
    private readonly drop: () => void,
  ) {}

  async save(state: S, options?: SaveOptions): Promise<Version> {
    const version = await this.dropAfter(this.inner.save(state, options));
    this.shown.saw({ version, at: 0 });
    return version;
  }

  async delete(options?: DeleteOptions): Promise<boolean> {
    const had = await this.dropAfter(this.inner.delete(options));
    this.shown.saw(undefined);
    return had;
  }

  private dropAfter<T>(write: Promise<T>): Promise<T> {
    return write.finally(this.drop);
  }

  async update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    const { holder, shown } = this;
    const { round } = holder;
    const { moment } = shown;
    const begunAt = this.clock();
    const result = await this.dropAfter(this.inner.update(change, options));
    shown.show(result.head, moment);
    // Another write has ended meanwhile, and may be the newer one; dropping has raised it by one.
    const isAlone = holder.round === round + 1;
    // What was done before, under the same id, is not the newest.
    if (!holder.canHold || !isAlone || options?.operationId !== undefined) return result;
    holder.hold(result, begunAt, holder.round);
    return versionedView(result, () => {
      try {
        return holder.copy(result, false) as S;
      } catch {
        holder.refuse();
        return result.state;
      }
    });
  }
}
