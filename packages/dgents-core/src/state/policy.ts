/**
 * When a checkpoint is worth writing.
 *
 * A load replays what follows the newest starting point. Letting that tail grow to a multiple of the state bounds
 * both costs: a load reads at most (1 + FACTOR) states, and checkpoints add at most 1/FACTOR to what is written. For
 * a conversation that only grows the tail *is* the state, and no checkpoint is ever due.
 */

/** Settled on growing conversations, edited plans, sliding windows and counters together: see docs/performance.md. */
export const CHECKPOINT_FACTOR = 2;

/** Below this a checkpoint saves no time worth having. */
export const CHECKPOINT_MIN_BYTES = 4096;

/** Whether the tail has outgrown the state by this factor. */
export function checkpointDue(tailBytes: number, stateBytes: number, factor: number): boolean {
  return tailBytes >= CHECKPOINT_MIN_BYTES && tailBytes >= factor * stateBytes;
}

/** Bytes that a record takes beside its data: an estimate that holds for every backend within a factor of two. */
export const RECORD_OVERHEAD_BYTES = 64;

/**
 * Whether a patch is worth it: together with its share of the next checkpoint it weighs less than the state. A whole
 * state needs no checkpoint, and a load begins at it.
 */
export function patchPaysOff(patchBytes: number, stateBytes: number, factor: number): boolean {
  if (patchBytes >= stateBytes) return false;
  const untilCheckpoint = Math.max(CHECKPOINT_MIN_BYTES, factor * stateBytes);
  return patchBytes + ((patchBytes + RECORD_OVERHEAD_BYTES) / untilCheckpoint) * stateBytes < stateBytes;
}
