/** How far the feed is behind, and because of whom. */
import type { Query } from './executor.js';
import type { Statements } from './statements.js';

/** A transaction that has written, or is about to, and is still open: nothing committed since it began to is fed yet. */
export interface FeedHolder {
  /** Of its server process, for `pg_terminate_backend`; null for a prepared transaction, which has none. */
  readonly pid: number | null;
  /** When it began, in milliseconds since the epoch by the server's clock; null where this user may not see it. */
  readonly since: number | null;
  /** The `application_name` of its connection; for a prepared transaction its own name. */
  readonly application: string;
  /** It may be another one than ours: the feed waits for all databases of the server. */
  readonly database: string;
  /** What it is doing: `idle in transaction`, `active`, `prepared` …; null where this user may not see it. */
  readonly state: string | null;
}

export interface FeedLag {
  /**
   * How long ago the oldest record was written that is committed and not fed yet, in milliseconds; 0 where there is none.
   * By the clock of its writer, and never longer than the oldest of `heldBackBy` is open.
   */
  readonly lagMs: number;
  /** The open transactions that such records wait for, the oldest first. */
  readonly heldBackBy: readonly FeedHolder[];
}

/** Where nothing waits there is one row, without a holder; likewise where the holder has ended meanwhile. */
type Row = { now: number; written: number | null } & (
  | {
      found: true;
      pid: number | null;
      since: number | null;
      application: string;
      database: string;
      state: string;
    }
  | { found: false }
);

export async function feedLag(query: Query, sql: Statements): Promise<FeedLag> {
  const rows = await query<Row>(sql.lag, []);
  const [first] = rows;
  if (first === undefined || first.written === null) return { lagMs: 0, heldBackBy: [] };
  const heldBackBy: FeedHolder[] = [];
  let openMs = 0;
  for (const row of rows) {
    if (!row.found) continue;
    const { pid, since, application, database, state } = row;
    heldBackBy.push({ pid, since, application, database, state });
    openMs = Math.max(openMs, since === null ? Number.POSITIVE_INFINITY : row.now - since);
  }
  const lagMs = Math.max(0, Math.min(first.now - first.written, openMs));
  return { lagMs: Math.round(lagMs), heldBackBy };
}
