import { DgentsError } from '../../errors.js';

/** Point 4 of the port: every other error of a commit says "not known". */
export function saysNothingWasWritten(error: unknown): boolean {
  if (!DgentsError.is(error)) return false;
  return error.code !== 'DGENTS_OUTCOME_UNKNOWN' && error.code !== 'DGENTS_STORAGE_TIMEOUT';
}
