/** Removes the content of a deleted state for good. */
import { StateConflictError } from '../errors.js';
import type { Cell } from './cell.js';
import { summary } from './operation.js';

/**
 * Trims the log to its tombstone: only the numbering stays.
 * @throws StateConflictError when the state was written again meanwhile
 */
export async function erase(cell: Cell, timeoutMs: number): Promise<void> {
  const { backend } = cell.engine;
  const { head } = await backend.read(cell.key, { timeoutMs, limit: 1 });
  if (head === null) return;
  if (!head.deleted) {
    throw new StateConflictError(`"${cell.key}" was written again while it was being erased. Delete it once more.`, {
      expected: summary(cell.snapshot.head),
      actual: summary(head),
      key: cell.key,
    });
  }
  const { version, id, at } = head;
  await backend.trim(cell.key, { version, id, at, data: null }, { timeoutMs });
  cell.milestones.clear();
}
