import { Hung } from './verdicts.js';

/** Subjects whose handles do not close: nobody waits for that at every fact. */
const hanging = new WeakSet<object>();

const SECOND_PATIENCE_MS = 50;

/**
 * Closes what a fact has opened. What was found is worth more than what goes wrong while clearing up; a close that hangs
 * has a fact of its own.
 */
export async function clearUp(
  subject: object,
  closeAll: (patienceMs?: number) => Promise<void>,
): Promise<void> {
  try {
    await closeAll(hanging.has(subject) ? SECOND_PATIENCE_MS : undefined);
  } catch (error) {
    if (error instanceof Hung) hanging.add(subject);
  }
}
