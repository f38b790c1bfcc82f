/** What stands in the columns of a row, and what that is to the port. */
import {
  type Checkpoint,
  type Head,
  type LogRecord,
  type RecordKind,
  StateCorruptionError,
} from 'dgents-core';
import { keyOfText, textOfKey } from './key-text.js';

/** In the column `kind`. The base of a trimmed log stands in the row of its version. */
export const KINDS = { set: 0, patch: 1, event: 2, tombstone: 3, base: 4 } as const;

/** Kinds of the other rows that a read may give. */
export const ROW_KINDS = { checkpoint: 5, head: 6 } as const;

/** Kinds that hold a whole state: a read may begin at them. */
export const STARTING_KINDS = [KINDS.set, KINDS.tombstone, KINDS.base] as const;

const NAMES: readonly (RecordKind | 'base')[] = ['set', 'patch', 'event', 'tombstone', 'base'];

/** Columns of the log and of checkpoints, as drivers give them back. */
export interface StoredRow {
  /** Of Postgres it is text: int8 may be larger than a number can say. */
  readonly version: number | string;
  readonly kind?: number;
  readonly at: number;
  readonly id: string;
  readonly data: string | null;
  readonly codec: string | null;
  readonly schema: number | string | null;
  readonly meta: string | null;
}

export interface HeadRow {
  readonly version: number;
  readonly id: string;
  readonly at: number;
  readonly deleted: number | boolean;
  readonly floor: number;
  /** The newest version at which a whole state is kept: a read begins there. */
  readonly start: number;
  /** Milliseconds since the epoch; null: it stays. */
  readonly expires_at: number | null;
}

export function headOfRow({ version, id, at, deleted }: HeadRow): Head {
  return Object.freeze({ version: Number(version), id: keyOfText(id), at, deleted: Boolean(deleted) });
}

/** The columns after `version`, in the order of {@link COLUMNS}. `data` is read once. */
export function valuesOf(given: LogRecord | Checkpoint) {
  const { at, id, data, codec, schema, meta } = given;
  return {
    at,
    id: textOfKey(id),
    data,
    codec: codec === undefined ? null : textOfKey(codec),
    schema: schema ?? null,
    meta: meta === undefined ? null : JSON.stringify(meta),
  };
}

/** The schema version of the state that these records lead to. */
export function schemaOf(records: readonly LogRecord[]): number {
  return records.findLast(({ kind }) => kind !== 'event')?.schema ?? 1;
}

export type Values = ReturnType<typeof valuesOf>;

export function kindOf(record: LogRecord): number {
  return KINDS[record.kind];
}

type Place = { readonly key: string; readonly location: string };

/** @throws StateCorruptionError when the row cannot be what we wrote */
export function recordOfRow(row: StoredRow, where: Place): LogRecord {
  const kind = NAMES[row.kind as number];
  if (kind === undefined || kind === 'base' || row.data === null) throw damaged(row, where);
  const { version, id, at, data } = row;
  if (typeof id !== 'string' || typeof at !== 'number') throw damaged(row, where);
  return more({ version: Number(version), kind, at, id: keyOfText(id), data }, row, where);
}

/** @throws StateCorruptionError when the row cannot be what we wrote */
export function pointOfRow(row: StoredRow, where: Place): Checkpoint {
  const { version, id, at, data } = row;
  if (typeof id !== 'string' || typeof at !== 'number') throw damaged(row, where);
  return more({ version: Number(version), id: keyOfText(id), at, data }, row, where);
}

/** Adds what most rows do not have. */
function more<T extends object>(to: T, row: StoredRow, where: Place): T {
  const { codec, schema, meta } = row;
  if (codec === null && schema === null && meta === null) return to;
  return {
    ...to,
    ...(codec !== null && { codec: keyOfText(codec) }),
    ...(schema !== null && { schema: Number(schema) }),
    ...(meta !== null && { meta: parsed(meta, row, where) }),
  };
}

function parsed(meta: string, row: StoredRow, where: Place) {
  try {
    return JSON.parse(meta);
  } catch {
    throw damaged(row, where);
  }
}

function damaged({ version }: StoredRow, where: Place): StateCorruptionError {
  return new StateCorruptionError(
    `The row of version ${version} of ${JSON.stringify(where.key)} is not as it was written.`,
    where,
  );
}
