import type { Meta, Version } from '../backend.js';
import { DgentsError, type DgentsErrorCode } from '../errors.js';

/** A write that was acknowledged and not stored. */
export interface LostWrite<S = unknown> {
  readonly kind: 'save' | 'update';
  /** The version that was acknowledged. Another write may have it by now. */
  readonly version: Version;
  /** Under which it was sent. Whether it is in the store after all, if that is in doubt, this tells. */
  readonly operationId: string;
  /** The state that it made, as a copy. */
  readonly state: S;
  readonly meta: Meta | undefined;
  /** The recipe of an update: `agent.update(change)` makes it anew, of what is there now. */
  readonly change: ((draft: S) => S | void) | undefined;
}

/**
 * Writes of a write-behind cache that were acknowledged and will not be stored: one of them was refused, and those after
 * it were built on it. Its `code` is that of its `cause`: `DGENTS_STATE_CONFLICT` where someone else has written,
 * `DGENTS_OUTCOME_UNKNOWN` where it cannot be told whether the first ones are stored.
 *
 * In a `catch` let the cache tell it, `agent.isLoss(error)`: `instanceof` does not know what kind of state was lost.
 */
export class LostWritesError<S = unknown> extends DgentsError {
  readonly code: DgentsErrorCode;
  /** In the order in which they were made. */
  readonly lost: readonly LostWrite<S>[];

  constructor(lost: readonly LostWrite<S>[], cause: unknown, key: string | undefined) {
    const [first, last] = [lost[0], lost.at(-1)];
    const reason = cause instanceof Error ? cause.message : String(cause);
    const why = DgentsError.is(cause, 'DGENTS_AGENT_CLOSED')
      ? `${reason} Close the cache before its store: it sends what waits then.`
      : reason;
    const which =
      lost.length === 1
        ? `1 write that was acknowledged is lost: version ${first?.version} (operation ${first?.operationId})`
        : `${lost.length} writes that were acknowledged are lost: versions ${first?.version} to ${last?.version} ` +
          `(operations ${first?.operationId} to ${last?.operationId})`;
    super(`${which}${key === undefined ? '' : ` of "${key}"`}. Their states are in \`lost\`. ${why}`, {
      cause,
      key,
    });
    this.code = DgentsError.is(cause) ? cause.code : 'DGENTS_OUTCOME_UNKNOWN';
    this.lost = lost;
  }

  /** Without the states. */
  override toJSON(): Record<string, unknown> {
    const lost = this.lost.map(({ kind, version, operationId }) => ({ kind, version, operationId }));
    return { ...super.toJSON(), lost };
  }
}
