import type { Tables } from '../shared/names.js';
import type { HeadRow, StoredRow } from '../shared/rows.js';
import { STARTING_KINDS } from '../shared/rows.js';
import type { Sqlite } from './connection.js';

const VALUES = 'at, id, data, codec, schema, meta';

/** A prepared statement, as far as it is used here. */
interface Query<P extends unknown[], R> {
  get(...parameters: P): R | undefined;
  all(...parameters: P): R[];
  run(...parameters: P): { readonly changes: number };
}

/** Everything that is said to one database, prepared once. */
export function prepared(sqlite: Sqlite, { heads, log, checkpoints, documents }: Tables) {
  const one = <P extends unknown[], R>(sql: string): Query<P, R> => sqlite.prepare<P, R>(sql);
  const value = <P extends unknown[], R>(sql: string): Query<P, R> => sqlite.prepare<P, R>(sql).pluck();
  const starting = STARTING_KINDS.join(', ');
  return {
    begin: one<[], never>('BEGIN'),
    end: one<[], never>('COMMIT'),
    head: one<[key: string], HeadRow>(
      `SELECT version, id, at, deleted, floor, start, expires_at FROM ${heads} WHERE key = ?`,
    ),
    idAt: one<[key: string, version: number], { id: string; at: number; kind: number }>(
      `SELECT id, at, kind FROM ${log} WHERE key = ? AND version = ?`,
    ),
    upsertHead: one<
      [
        key: string,
        version: number,
        id: string,
        at: number,
        deleted: number,
        start: number,
        expires: number | null,
      ],
      never
    >(
      `INSERT INTO ${heads} (key, version, id, at, deleted, floor, start, expires_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?)
       ON CONFLICT (key) DO UPDATE SET version = excluded.version, id = excluded.id, at = excluded.at,
         deleted = excluded.deleted, floor = max(floor, 1), start = max(start, excluded.start), expires_at = excluded.expires_at`,
    ),
    /** Moves the head on if it is the expected one: then nothing else has to be looked at. */
    moveHead: one<
      [
        version: number,
        id: string,
        at: number,
        deleted: number,
        start: number,
        expires: number | null,
        key: string,
        expected: number,
        expectedId: string,
        now: number,
      ],
      never
    >(
      `UPDATE ${heads} SET version = ?, id = ?, at = ?, deleted = ?, start = max(start, ?), expires_at = ?
       WHERE key = ? AND version = ? AND id = ? AND (expires_at IS NULL OR expires_at > ?)`,
    ),
    /** The floor alone, if the head is still the known one and does not expire: a row of several columns takes twice as long. */
    unmoved: value<[key: string, version: number, id: string, at: number, deleted: number], number>(
      `SELECT floor FROM ${heads} WHERE key = ? AND version = ? AND id = ? AND at = ? AND deleted = ? AND expires_at IS NULL`,
    ),
    setFloor: one<[floor: number, start: number, key: string], never>(
      `UPDATE ${heads} SET floor = ?, start = max(start, ?) WHERE key = ?`,
    ),
    setStart: one<[start: number, key: string], never>(
      `UPDATE ${heads} SET start = max(start, ?) WHERE key = ?`,
    ),
    empty: one<[key: string], never>(
      `UPDATE ${heads} SET version = 0, id = '', floor = 0, start = 0, deleted = 0, expires_at = NULL WHERE key = ?`,
    ),
    insert: one<unknown[], never>(
      `INSERT INTO ${log} (key, version, kind, ${VALUES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    rebase: one<unknown[], never>(
      `UPDATE ${log} SET kind = 4, at = ?, id = ?, data = ?, codec = ?, schema = ?, meta = ? WHERE key = ? AND version = ?`,
    ),
    forget: one<[key: string, below: number], never>(`DELETE FROM ${log} WHERE key = ? AND version < ?`),
    row: one<[key: string, version: number], StoredRow>(
      `SELECT version, kind, ${VALUES} FROM ${log} WHERE key = ? AND version = ?`,
    ),
    rows: one<[key: string, from: number, to: number, limit: number], StoredRow>(
      `SELECT version, kind, ${VALUES} FROM ${log} WHERE key = ? AND version BETWEEN ? AND ? ORDER BY version LIMIT ?`,
    ),
    rowsBack: one<[key: string, from: number, to: number, limit: number], StoredRow>(
      `SELECT version, kind, ${VALUES} FROM ${log} WHERE key = ? AND version BETWEEN ? AND ? ORDER BY version DESC LIMIT ?`,
    ),
    startBefore: one<[key: string, from: number, to: number], { version: number }>(
      `SELECT version FROM ${log} WHERE key = ? AND version BETWEEN ? AND ? AND kind IN (${starting}) ORDER BY version DESC LIMIT 1`,
    ),
    checkpointBefore: one<[key: string, version: number], StoredRow>(
      `SELECT version, ${VALUES} FROM ${checkpoints} WHERE key = ? AND version <= ? ORDER BY version DESC LIMIT 1`,
    ),
    insertCheckpoint: one<unknown[], never>(
      `INSERT OR REPLACE INTO ${checkpoints} (key, version, ${VALUES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    checkpoints: one<[key: string], { version: number }>(
      `SELECT version FROM ${checkpoints} WHERE key = ? ORDER BY version`,
    ),
    dropCheckpoint: one<[key: string, version: number], never>(
      `DELETE FROM ${checkpoints} WHERE key = ? AND version = ?`,
    ),
    dropCheckpoints: one<[key: string, upTo: number], never>(
      `DELETE FROM ${checkpoints} WHERE key = ? AND version <= ?`,
    ),
    /** Null where there is no state. */
    document: one<[key: string, version: number, document: string | null, schema: number], never>(
      `INSERT INTO ${documents} (key, version, document, schema) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET version = excluded.version, document = excluded.document, schema = excluded.schema`,
    ),
    dropDocument: one<[key: string], never>(`DELETE FROM ${documents} WHERE key = ?`),
    find: one<[key: string, ids: string], { id: string; version: number }>(
      `SELECT id, version FROM ${log} WHERE key = ? AND id IN (SELECT value FROM json_each(?))`,
    ),
    keys: one<[after: string, from: string, now: number, limit: number], HeadRow & { key: string }>(
      `SELECT key, version, id, at, deleted, floor, start, expires_at FROM ${heads}
       WHERE key > ? AND key >= ? AND version > 0 AND (expires_at IS NULL OR expires_at > ?) ORDER BY key LIMIT ?`,
    ),
    expired: one<[now: number, limit: number], { key: string }>(
      `SELECT key FROM ${heads} WHERE expires_at <= ? LIMIT ?`,
    ),
    feed: one<[after: number, now: number, limit: number], StoredRow & { key: string; seq: number }>(
      `SELECT l.seq, l.key, l.version, l.kind, l.at, l.id, l.data, l.codec, l.schema, l.meta FROM ${log} l
       JOIN ${heads} h ON h.key = l.key WHERE l.seq > ? AND (h.expires_at IS NULL OR h.expires_at > ?) ORDER BY l.seq LIMIT ?`,
    ),
    lastSequence: one<[table: string], { seq: number }>('SELECT seq FROM sqlite_sequence WHERE name = ?'),
  };
}

export type Statements = ReturnType<typeof prepared>;
