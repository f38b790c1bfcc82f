/** Removing content for good. Works on the log alone: also where no agent can read the state any more. */
import { OutcomeUnknownError, StateConflictError } from '../errors.js';
import { commit } from './commit.js';
import { type Call, remainingMs } from './deadlines.js';
import type { Engine } from './engine.js';
import { summary } from './operation.js';

/**
 * Trims a deleted log to its tombstone: only the numbering stays.
 * @throws StateConflictError when the state was written again meanwhile
 */
export async function eraseDeleted(engine: Engine, key: string, timeoutMs: number): Promise<void> {
  const { backend } = engine;
  const { head } = await backend.read(key, { timeoutMs, limit: 1 });
  if (head === null) return;
  if (!head.deleted) {
    throw new StateConflictError(
      `"${key}" was written again while it was being erased. Delete it once more.`,
      {
        expected: summary(null),
        actual: summary(head),
        key,
      },
    );
  }
  const { version, id, at } = head;
  await backend.trim(key, { version, id, at, data: null }, { timeoutMs });
}

/** Deletes whatever is there, whoever writes meanwhile, and then erases it. */
export async function eraseLog(engine: Engine, key: string, call: Call): Promise<void> {
  for (;;) {
    const { head } = await engine.within(
      engine.backend.read(key, { limit: 1, ...engine.portOptions(call) }),
      call,
      key,
    );
    if (head === null) return;
    if (head.deleted) break;
    const at = Math.max(engine.clock(), head.at);
    const id = engine.newId();
    const tombstone = {
      version: head.version + 1,
      kind: 'tombstone' as const,
      at,
      id,
      data: 'null',
      document: null,
    };
    const document = engine.port.materializes ? { document: 'null' } : {};
    const append = { key, expected: head, records: [tombstone], ...document };
    const end = await commit(engine, append, call, remainingMs(call));
    if (end.kind === 'failed') throw end.error;
    if (end.kind === 'unknown') {
      throw new OutcomeUnknownError(`Whether "${key}" was erased is not known. Erase it again.`, {
        operationId: id,
        expected: summary(head),
        cause: end.error,
        key,
      });
    }
  }
  await engine.within(eraseDeleted(engine, key, remainingMs(call)), call, key);
}
