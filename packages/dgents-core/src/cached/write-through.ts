/** Writes that go to the agent inside at once. It acknowledges first, and only then is the cache changed. */
import type { Version } from '../backend.js';
import type {
  DataAgent,
  DeleteOptions,
  SaveOptions,
  UpdateOptions,
  Versioned,
  WriteOptions,
} from '../data-agent.js';
import { isDefinite } from '../state/definition.js';
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
    const begunAt = this.clock();
    const version = await this.noting(this.inner.save(state, options), (saved) => saved, options, begunAt);
    this.shown.saw({ version, at: 0 });
    return version;
  }

  async delete(options?: DeleteOptions): Promise<boolean> {
    const had = await this.inner.delete(options).finally(this.drop);
    this.holder.lifetime.ended();
    this.shown.saw(undefined);
    return had;
  }

  /** Drops what is held once the write has ended, and notes how long lives what it has left. */
  private async noting<T>(
    write: Promise<T>,
    versionOf: (result: T) => Version,
    options: WriteOptions | undefined,
    begunAt: number,
  ): Promise<T> {
    const { lifetime } = this.holder;
    try {
      const result = await write;
      lifetime.wrote(versionOf(result), options, begunAt);
      return result;
    } catch (error) {
      if (!isDefinite(error)) lifetime.wrote(undefined, options, begunAt);
      throw error;
    } finally {
      this.drop();
    }
  }

  async update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    const { holder, shown } = this;
    const { round } = holder;
    const { moment } = shown;
    const begunAt = this.clock();
    const result = await this.noting(
      this.inner.update(change, options),
      ({ version }) => version,
      options,
      begunAt,
    );
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
