/** Conflicts as values: for those who expect them. */
import { DgentsError, type HeadSummary, type StateConflictError } from 'dgents-core';

export interface Conflict {
  readonly ok: false;
  /** The stream or key that is not as it was expected. */
  readonly key: string;
  readonly expected: HeadSummary;
  /** As it is; version 0: there is nothing. */
  readonly actual: HeadSummary;
}

/** What a write gives, or its conflict. Everything else is thrown. */
export async function conflictAsValue<T extends object>(
  write: Promise<T>,
): Promise<({ readonly ok: true } & T) | Conflict> {
  try {
    return { ok: true, ...(await write) };
  } catch (error) {
    if (!DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) throw error;
    const { expected, actual, key = '' } = error as StateConflictError;
    return { ok: false, key, expected, actual };
  }
}
