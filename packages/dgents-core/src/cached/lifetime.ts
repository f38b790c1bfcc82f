/** Until when the newest state lives, as far as the writes of one cache tell: nothing is held longer. */
import type { Version } from '../backend.js';
import type { WriteOptions } from '../data-agent.js';

export class Lifetime {
  /** Without a version it holds for whatever is there. */
  private known: { readonly until: number; readonly version: Version | undefined } | undefined;

  /** By the clock of the cache; Infinity where no end is known. */
  endOf(version: Version): number {
    const { known } = this;
    if (known === undefined) return Infinity;
    return known.version === undefined || known.version === version ? known.until : Infinity;
  }

  /**
   * A write with these options has ended.
   * @param version undefined where it is in doubt
   * @param begunAt the time to live was counted from then on, or later
   */
  wrote(
    version: Version | undefined,
    { ttlMs, keepTtl, operationId }: WriteOptions = {},
    begunAt: number,
  ): void {
    const before = this.known?.until ?? Infinity;
    // An operation that happened long ago has changed nothing now, and its time runs since then.
    const isSure = version !== undefined && operationId === undefined;
    let until = keepTtl === true ? before : Infinity;
    if (ttlMs !== undefined) until = operationId === undefined ? begunAt + ttlMs : begunAt;
    if (!isSure) until = Math.min(until, before);
    this.known = until === Infinity ? undefined : { until, version: isSure ? version : undefined };
  }

  /** The state was deleted. */
  ended(): void {
    this.known = undefined;
  }
}
