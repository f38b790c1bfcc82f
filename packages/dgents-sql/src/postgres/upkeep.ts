/** What keeps a log short to read, or short: checkpoints and trims. Each is one transaction, under the lock of its head. */
import type { Checkpoint } from 'dgents-core';
import { textOfKey } from '../shared/key-text.js';
import type { Values } from '../shared/rows.js';
import type { Executor, Limits } from './executor.js';
import type { HeadColumns, Statements } from './statements.js';

/** Enough to reach any old version in an eighth of the log; each may hold a whole state. */
const MAX_CHECKPOINTS = 8;

export class Upkeep {
  readonly #executor: Executor;
  readonly #sql: Statements;

  constructor(executor: Executor, sql: Statements) {
    this.#executor = executor;
    this.#sql = sql;
  }

  checkpoint(
    key: string,
    { version }: Checkpoint,
    { at, id, data, codec, schema, meta }: Values,
    limits: Limits,
  ): Promise<void> {
    const text = textOfKey(key);
    return this.#executor.transaction(async (query) => {
      // Locked by a statement of its own: the next one sees what whoever held the lock has done.
      await query(this.#sql.lock, [text]);
      const { checkpoint } = this.#sql;
      await query(checkpoint, [text, version, at, id, data, codec, schema, meta, MAX_CHECKPOINTS]);
    }, limits);
  }

  trim(
    key: string,
    { version }: Checkpoint,
    { at, id, data, codec, schema, meta }: Values,
    limits: Limits,
  ): Promise<void> {
    const text = textOfKey(key);
    return this.#executor.transaction(async (query) => {
      const [head] = await query<HeadColumns & { alive: boolean }>(this.#sql.lock, [text]);
      if (!head?.alive || version <= head.floor) return;
      const [row] = await query<{ id: string }>(this.#sql.idAt, [text, version]);
      if (row?.id !== id) return;
      await query(this.#sql.trim, [text, version, at, id, data, codec, schema, meta]);
    }, limits);
  }
}
