import { createHash } from 'node:crypto';
import type { Tables } from '../shared/names.js';
import { ROW_KINDS, STARTING_KINDS } from '../shared/rows.js';
import type { Routine, Statement } from './executor.js';

/** Milliseconds since the epoch, by the clock of the server: the time to live is the same for all its clients. */
const NOW = "(date_part('epoch', clock_timestamp()) * 1000)";
/** When what has so many milliseconds to live is over; null: never. */
const expiry = (ttl: string) => `CASE WHEN ${ttl} IS NOT NULL THEN ${NOW} + ${ttl} END`;
/** Given as the time to live: the one that is set stays. */
export const KEEP_TTL = -1;
const movedExpiry = (ttl: string) =>
  `CASE WHEN ${ttl} = ${KEEP_TTL} THEN h.expires_at ELSE ${expiry(ttl)} END`;
const alive = (h: string) => `(${h}.version > 0 AND (${h}.expires_at IS NULL OR ${h}.expires_at > ${NOW}))`;

// `int8` comes back as text; versions are safe in a float8, and come back as numbers.
const HEAD =
  'h.version::float8 AS head_version, h.id AS head_id, h.at AS head_at, h.deleted, h.floor::float8, h.start::float8';
const ROW = 'l.version, l.kind, l.at, l.id, l.data, l.codec, l.schema, l.meta';
/** What is read of a log begins with its head, as one more row: beside the others it would be sent with each of them. */
const HEAD_ROW = `SELECT h.version, ${ROW_KINDS.head}::int2 AS kind, h.at, h.id, NULL::text AS data, NULL::text AS codec,
         h.floor AS schema, CASE WHEN h.deleted THEN 'deleted' END AS meta FROM h`;
const COLUMNS = 'at, id, data, codec, schema, meta';

/** What every statement about a log begins with. */
export interface HeadColumns {
  readonly head_version: number;
  readonly head_id: string;
  readonly head_at: number;
  readonly deleted: boolean;
  readonly floor: number;
  readonly start: number;
}

/** Everything that is said to the server, named by the tables it is about. */
export function statements({ heads, log, checkpoints, documents, meta }: Tables) {
  // Several stores may share the connections of a pool.
  const named = (name: string, text: string): Statement => ({
    name: `dgents_${name}_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`,
    text,
  });
  const starting = STARTING_KINDS.join(', ');
  const headAlive = (key: string) => `SELECT h.* FROM ${heads} h WHERE h.key = ${key} AND ${alive('h')}`;
  /** The head of a log that is there, and then these parts of it: nothing at all where there is no log. */
  const reading = (key: string, ...parts: string[]) =>
    `WITH h AS MATERIALIZED (${headAlive(key)}) ${[HEAD_ROW, ...parts].join(' UNION ALL ')}`;
  const setHead = (from: string) =>
    `version = ${from}.version, id = ${from}.id, at = ${from}.at, deleted = ${from}.deleted`;
  const document = 'version = excluded.version, document = excluded.document, schema = excluded.schema';
  /** One more part of a statement. */
  const keep = (select: string) =>
    `, kept AS (
         INSERT INTO ${documents} (key, version, document, schema) ${select} ON CONFLICT (key) DO UPDATE SET ${document}
       )`;
  const keepMany = keep(
    `SELECT r.key, r.version, k.document, k.schema FROM unnest($19::text[], $20::text[], $21::int8[]) AS k (key, document, schema)
         JOIN r ON r.key = k.key JOIN done ON done.key = k.key COLLATE "C" ORDER BY r.key COLLATE "C"`,
  );
  const follow = (more = '') =>
    `WITH done AS (
         UPDATE ${heads} h SET version = $2, id = $3, at = $4, deleted = $5, start = CASE WHEN $6::int8 > 0 THEN $6 ELSE start END,
           expires_at = ${movedExpiry('$7::float8')}
         WHERE h.key = $1 AND h.version = $8 AND h.id = $9 AND ${alive('h')} RETURNING h.key
       )${more}
       INSERT INTO ${log} (key, version, kind, ${COLUMNS})
       SELECT key, $2, $10::int2, $4, $3, $11, $12, $13::int8, $14 FROM done RETURNING key`;
  const begin = (more = '') =>
    `WITH done AS (
         INSERT INTO ${heads} AS h (key, version, id, at, deleted, floor, start, expires_at)
         VALUES ($1, 1, $2, $3, $4, 1, 1, ${expiry('$5::float8')})
         ON CONFLICT (key) DO UPDATE SET ${setHead('excluded')}, floor = 1, start = 1, expires_at = excluded.expires_at
         WHERE h.version = 0 RETURNING h.key
       )${more}
       INSERT INTO ${log} (key, version, kind, ${COLUMNS})
       SELECT key, 1, $6::int2, $3, $2, $7, $8, $9::int8, $10 FROM done RETURNING key`;
  const record = ['text', 'text', 'int8', 'text'];
  const followStepwise: Routine = {
    types: [
      ...['text', 'int8', 'text', 'float8', 'boolean', 'int8', 'float8'],
      'int8',
      'text',
      'int2',
      ...record,
    ],
    body: `UPDATE ${heads} h SET version = $2, id = $3, at = $4, deleted = $5, start = CASE WHEN $6 > 0 THEN $6 ELSE start END,
         expires_at = ${movedExpiry('$7')} WHERE h.key = $1 AND h.version = $8 AND h.id = $9 AND ${alive('h')};
       IF FOUND THEN
         INSERT INTO ${log} (key, version, kind, ${COLUMNS}) VALUES ($1, $2, $10, $4, $3, $11, $12, $13, $14);
         RETURN $1;
       END IF;`,
  };
  const beginStepwise: Routine = {
    types: ['text', 'text', 'float8', 'boolean', 'float8', 'int2', ...record],
    body: `INSERT INTO ${heads} AS h (key, version, id, at, deleted, floor, start, expires_at)
         VALUES ($1, 1, $2, $3, $4, 1, 1, ${expiry('$5')})
         ON CONFLICT (key) DO UPDATE SET ${setHead('excluded')}, floor = 1, start = 1, expires_at = excluded.expires_at
         WHERE h.version = 0;
       IF FOUND THEN
         INSERT INTO ${log} (key, version, kind, ${COLUMNS}) VALUES ($1, 1, $6, $3, $2, $7, $8, $9, $10);
         RETURN $1;
       END IF;`,
  };
  const many = (more = '') =>
    `WITH r AS (
         SELECT * FROM unnest($1::text[], $2::int8[], $3::text[], $4::int8[], $5::text[], $6::float8[], $7::boolean[], $8::int8[], $9::float8[])
           AS r (key, expected, expected_id, version, id, at, deleted, start, ttl)
       ), lk AS (
         SELECT h.key FROM ${heads} h JOIN r ON r.key = h.key COLLATE "C" WHERE r.expected > 0 ORDER BY h.key FOR UPDATE OF h
       ), upd AS (
         UPDATE ${heads} h SET ${setHead('r')}, start = CASE WHEN r.start > 0 THEN r.start ELSE h.start END, expires_at = ${movedExpiry('r.ttl')}
         FROM r JOIN lk ON lk.key = r.key COLLATE "C"
         WHERE h.key = r.key COLLATE "C" AND h.version = r.expected AND h.id = r.expected_id AND ${alive('h')} RETURNING h.key
       ), new AS (
         INSERT INTO ${heads} AS h (key, version, id, at, deleted, floor, start, expires_at)
         SELECT r.key, r.version, r.id, r.at, r.deleted, 1, greatest(r.start, 1), ${expiry('r.ttl')}
         FROM r WHERE r.expected = 0 ORDER BY r.key COLLATE "C"
         ON CONFLICT (key) DO UPDATE SET ${setHead('excluded')}, floor = 1, start = excluded.start, expires_at = excluded.expires_at
         WHERE h.version = 0 RETURNING h.key
       ), done AS (
         SELECT key FROM upd UNION ALL SELECT key FROM new
       ), ins AS (
         INSERT INTO ${log} (key, version, kind, ${COLUMNS})
         SELECT l.key, l.version, l.kind, l.at, l.id, l.data, l.codec, l.schema, l.meta
         FROM unnest($10::text[], $11::int8[], $12::int2[], $13::float8[], $14::text[], $15::text[], $16::text[], $17::int8[], $18::text[])
           AS l (key, version, kind, at, id, data, codec, schema, meta)
         JOIN done ON done.key = l.key COLLATE "C" ORDER BY l.key COLLATE "C", l.version
       )${more} SELECT key FROM done`;
  return {
    /** One record after a head that is there: one round trip. $6 is the new start, or 0 for the one before. */
    follow: { ...named('follow', follow()), routine: followStepwise },
    /** The same, and the document that is then current. */
    followWithDocument: named(
      'follow_document',
      follow(keep('SELECT key, $2::int8, $15, $16::int8 FROM done')),
    ),
    /** One record where there is no log. */
    begin: { ...named('begin', begin()), routine: beginStepwise },
    beginWithDocument: named('begin_document', begin(keep('SELECT key, 1, $11, $12::int8 FROM done'))),
    /** Many appends, each by itself. Locks are taken in the order of the keys. */
    many: named('many', many()),
    manyWithDocuments: named('many_documents', many(keepMany)),
    /** Keeps the document of a version, unless the log has gone on or a later one is kept. */
    keepDocument: named(
      'keep_document',
      `INSERT INTO ${documents} AS d (key, version, document, schema)
       SELECT h.key, h.version, $4, $5::int8 FROM ${heads} h WHERE h.key = $1 AND h.version = $2 AND h.id = $3 FOR SHARE OF h
       ON CONFLICT (key) DO UPDATE SET ${document} WHERE d.version < excluded.version`,
    ),
    /** Why an append was not made: the head, and what stands where its first and last record would. */
    answer: named(
      'answer',
      `SELECT ${HEAD}, ${alive('h')} AS alive, f.id AS first_id, l.id AS last_id, l.at AS last_at FROM ${heads} h
       LEFT JOIN ${log} f ON f.key = h.key AND f.version = $2 LEFT JOIN ${log} l ON l.key = h.key AND l.version = $3
       WHERE h.key = $1`,
    ),
    lock: named('lock', `SELECT ${HEAD}, ${alive('h')} AS alive FROM ${heads} h WHERE h.key = $1 FOR UPDATE`),
    lockAll: named(
      'lock_all',
      `SELECT h.key FROM ${heads} h WHERE h.key = ANY($1::text[]) ORDER BY h.key FOR UPDATE`,
    ),
    /** What came after a version, whose own row comes first, without its data. */
    after: named(
      'after',
      reading(
        '$1',
        `(SELECT l.version, l.kind, l.at, l.id, CASE WHEN l.version > $2 THEN l.data END, l.codec, l.schema, l.meta
          FROM ${log} l WHERE l.key = (SELECT key FROM h) AND l.version BETWEEN $2 AND $3 ORDER BY l.version LIMIT $4)`,
      ),
    ),
    /** From the newest starting point on. */
    whole: named(
      'whole',
      reading(
        '$1',
        `(SELECT c.version, ${ROW_KINDS.checkpoint}::int2, c.at, c.id, c.data, c.codec, c.schema, c.meta
          FROM ${checkpoints} c WHERE c.key = $1 AND c.version = (SELECT start FROM h))`,
        `(SELECT ${ROW} FROM ${log} l WHERE l.key = $1 AND l.version >= (SELECT start FROM h) ORDER BY l.version LIMIT $2)`,
      ),
    ),
    /** The same as the log was at a version: the starting point is looked for. */
    wholeAt: named(
      'whole_at',
      `WITH h AS MATERIALIZED (${headAlive('$1')}), c AS MATERIALIZED (
         SELECT c.version FROM ${checkpoints} c WHERE c.key = (SELECT key FROM h) AND c.version <= $3 ORDER BY c.version DESC LIMIT 1
       ), s AS MATERIALIZED (
         SELECT s.version FROM ${log} s WHERE s.key = (SELECT key FROM h) AND s.kind IN (${starting})
           AND s.version BETWEEN coalesce((SELECT version FROM c), 0) AND $3 ORDER BY s.version DESC LIMIT 1
       )
       ${HEAD_ROW}
       UNION ALL
       (SELECT p.version, ${ROW_KINDS.checkpoint}::int2, p.at, p.id, p.data, p.codec, p.schema, p.meta FROM ${checkpoints} p
        WHERE p.key = $1 AND p.version = (SELECT c.version FROM c WHERE c.version >= coalesce((SELECT version FROM s), 0)))
       UNION ALL
       (SELECT ${ROW} FROM ${log} l WHERE l.key = (SELECT key FROM h) AND l.version <= $3
          AND l.version >= coalesce((SELECT version FROM s), (SELECT version FROM c), 1) ORDER BY l.version LIMIT $2)`,
    ),
    range: named(
      'range',
      reading(
        '$1',
        `(SELECT ${ROW} FROM ${log} l WHERE l.key = (SELECT key FROM h) AND l.version BETWEEN $2 AND $3 AND l.kind <> 4
          ORDER BY l.version LIMIT $4)`,
      ),
    ),
    rangeBack: named(
      'range_back',
      reading(
        '$1',
        `(SELECT ${ROW} FROM ${log} l WHERE l.key = (SELECT key FROM h) AND l.version BETWEEN $2 AND $3 AND l.kind <> 4
          ORDER BY l.version DESC LIMIT $4)`,
      ),
    ),
    head: named('head', `SELECT ${HEAD} FROM ${heads} h WHERE h.key = $1 AND ${alive('h')}`),
    keys: named(
      'keys',
      `SELECT h.key, ${HEAD} FROM ${heads} h WHERE h.key > $1 AND h.key >= $2 AND ${alive('h')} ORDER BY h.key LIMIT $3`,
    ),
    find: named(
      'find',
      `SELECT l.id, max(l.version)::float8 AS version FROM ${heads} h JOIN ${log} l ON l.key = h.key
       WHERE h.key = $1 AND ${alive('h')} AND l.id = ANY($2::text[])
         AND hashtextextended(l.id, 0) IN (SELECT hashtextextended(i, 0) FROM unnest($2::text[]) i) GROUP BY l.id`,
    ),
    idAt: named('id_at', `SELECT l.id, l.kind FROM ${log} l WHERE l.key = $1 AND l.version = $2`),
    /**
     * Keeps a checkpoint of a log whose head is locked, if the log has that version, and no more of them than $9: the one
     * that leaves the smallest gap goes, but never the newest, which most reads start from.
     */
    checkpoint: named(
      'checkpoint',
      `WITH good AS (
         SELECT h.key FROM ${heads} h JOIN ${log} l ON l.key = h.key AND l.version = $2::int8
         WHERE h.key = $1 AND ${alive('h')} AND l.id = $4 AND l.kind <> 4
       ), made AS (
         INSERT INTO ${checkpoints} (key, version, ${COLUMNS}) SELECT key, $2, $3, $4, $5, $6, $7::int8, $8 FROM good
         ON CONFLICT (key, version) DO UPDATE SET at = excluded.at, id = excluded.id, data = excluded.data,
           codec = excluded.codec, schema = excluded.schema, meta = excluded.meta
       ), moved AS (
         UPDATE ${heads} h SET start = greatest(h.start, $2::int8) FROM good WHERE h.key = good.key
       ), gaps AS (
         SELECT version, lead(version) OVER w - coalesce(lag(version) OVER w, 0) AS gap, count(*) OVER () AS kept
         FROM (SELECT $2::int8 UNION SELECT c.version FROM ${checkpoints} c WHERE c.key = $1) v (version) WINDOW w AS (ORDER BY version)
       )
       DELETE FROM ${checkpoints} c USING good WHERE c.key = good.key AND c.version <> $2::int8 AND c.version = (
         SELECT version FROM gaps WHERE kept > $9 AND gap IS NOT NULL ORDER BY gap, version LIMIT 1
       )`,
    ),
    /** The base takes the place of its record, everything before it goes. */
    trim: named(
      'trim',
      `WITH moved AS (UPDATE ${heads} SET floor = $2::int8, start = greatest(start, $2::int8) WHERE key = $1),
         forgotten AS (DELETE FROM ${log} WHERE key = $1 AND version < $2::int8),
         dropped AS (DELETE FROM ${checkpoints} WHERE key = $1 AND version <= $2::int8)
       UPDATE ${log} SET kind = 4, at = $3, id = $4, data = $5, codec = $6, schema = $7, meta = $8
       WHERE key = $1 AND version = $2::int8`,
    ),
    /** Leaves the row of the head, which says that there is nothing. */
    erase: named(
      'erase',
      `WITH forgotten AS (DELETE FROM ${log} WHERE key = $1), dropped AS (DELETE FROM ${checkpoints} WHERE key = $1),
         undocumented AS (DELETE FROM ${documents} WHERE key = $1)
       UPDATE ${heads} SET version = 0, id = '', floor = 0, start = 0, deleted = false, expires_at = NULL WHERE key = $1`,
    ),
    expired: named(
      'expired',
      `SELECT key FROM ${heads} WHERE expires_at <= ${NOW} ORDER BY expires_at LIMIT $1`,
    ),
    store: named('store', `SELECT value FROM ${meta} WHERE name = 'store'`),
    /**
     * What every transaction that has ended wrote, in the order of their ids: nothing can come before it any more, since
     * those that are still running have higher ones.
     */
    feed: named(
      'feed',
      `SELECT l.key, ${ROW}, l.xid::text AS transaction, l.seq::text AS sequence FROM ${log} l JOIN ${heads} h ON h.key = l.key
       WHERE (l.xid, l.seq) > ($1::text::xid8, $2::int8) AND l.xid < pg_snapshot_xmin(pg_current_snapshot()) AND ${alive('h')}
       ORDER BY l.xid, l.seq LIMIT $3`,
    ),
    /** What of the feed waits, and for which open transactions. Age is a distance, also where xid begins anew; xid8 has no max everywhere. */
    lag: named(
      'lag',
      `WITH waiting AS MATERIALIZED (
         SELECT (array_agg(l.at ORDER BY l.xid, l.seq))[1] AS written, max(l.xid::text::numeric)::text::xid8::xid AS newest FROM (
           (SELECT xid, seq, at FROM ${log} WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, seq LIMIT 1)
           UNION ALL
           (SELECT xid, seq, at FROM ${log} WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid DESC, seq DESC LIMIT 1)
         ) l
       ), open AS (
         SELECT pid, backend_xid AS xid, xact_start AS since, application_name AS application, datname AS database, state
         FROM pg_stat_activity WHERE pid <> pg_backend_pid()
         UNION ALL
         SELECT NULL, transaction, prepared, gid, database, 'prepared' FROM pg_prepared_xacts
       )
       SELECT w.written, ${NOW} AS now, o.xid IS NOT NULL AS found, o.pid, (extract(epoch FROM o.since) * 1000)::float8 AS since,
         o.application, o.database::text, o.state
       FROM waiting w LEFT JOIN open o ON age(o.xid) > age(w.newest) ORDER BY age(o.xid) DESC`,
    ),
    /** Transactions below xmin have ended, and those from xmax on had not begun. */
    horizon: named(
      'horizon',
      'SELECT pg_snapshot_xmin(s)::text AS xmin, pg_snapshot_xmax(s)::text AS xmax FROM pg_current_snapshot() s',
    ),
  };
}

export type Statements = ReturnType<typeof statements>;
