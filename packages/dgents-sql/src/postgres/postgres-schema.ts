import type { Tables } from '../shared/names.js';

/** What this release reads and writes. Every older one is brought up to it by {@link MIGRATIONS}. */
export const SCHEMA_VERSION = 1;

export interface PostgresLayout {
  /**
   * Lay each table out in so many, by a hash of the key: 1 to 256. It is looked at when the tables are made, and never
   * again. Unless told they are whole, which is as fast up to some hundred gigabytes; smaller tables are vacuumed, and
   * their indexes rebuilt, one by one. What is about many keys, as `keys` and `feed` are, looks into all of them.
   */
  readonly partitions?: number;
}

/** Room for the next version of a head beside it: its indexes need not change. */
const HEADS = ' WITH (fillfactor = 70)';
const BY_KEY = ' PARTITION BY HASH (key)';

/**
 * The statements that lead from one version of the schema to the next; those of a release are never changed after it.
 * The first ones make what there is from nothing.
 */
export const MIGRATIONS: readonly ((tables: Tables, layout: PostgresLayout) => readonly string[])[] = [
  ({ meta, heads, log, checkpoints, documents, prefix }, { partitions = 0 }) => [
    `CREATE TABLE ${meta} (name text PRIMARY KEY, value text NOT NULL)`,
    `INSERT INTO ${meta} (name, value) VALUES ('store', replace(gen_random_uuid()::text, '-', ''))`,
    `CREATE TABLE ${heads} (
  key text COLLATE "C" PRIMARY KEY, version int8 NOT NULL, id text NOT NULL, at float8 NOT NULL,
  deleted boolean NOT NULL, floor int8 NOT NULL, start int8 NOT NULL, expires_at float8
)${partitions > 0 ? BY_KEY : HEADS}`,
    ...parts(heads, partitions, HEADS),
    `CREATE INDEX "${prefix}_heads_expiry" ON ${heads} (expires_at) WHERE expires_at IS NOT NULL`,
    `CREATE TABLE ${log} (
  key text COLLATE "C" NOT NULL, version int8 NOT NULL, kind int2 NOT NULL, at float8 NOT NULL, id text NOT NULL,
  data text, codec text, schema int8, meta text,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(), seq int8 GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (key, version)
)${partitions > 0 ? BY_KEY : ''}`,
    ...parts(log, partitions),
    // An id may be longer than an index entry.
    `CREATE INDEX "${prefix}_log_id" ON ${log} (key, hashtextextended(id, 0))`,
    `CREATE INDEX "${prefix}_log_feed" ON ${log} (xid, seq)`,
    `CREATE TABLE ${checkpoints} (
  key text COLLATE "C" NOT NULL, version int8 NOT NULL, at float8 NOT NULL, id text NOT NULL, data text, codec text,
  schema int8, meta text, PRIMARY KEY (key, version)
)${partitions > 0 ? BY_KEY : ''}`,
    ...parts(checkpoints, partitions),
    `CREATE TABLE ${documents} (
  key text COLLATE "C" PRIMARY KEY, version int8 NOT NULL, document text, schema int8 NOT NULL
)${partitions > 0 ? BY_KEY : ''}`,
    ...parts(documents, partitions),
  ],
];

/** Each has to say which rows are its own; what the table itself cannot be told is told to them. */
function parts(table: string, count: number, settings = ''): string[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `${table.slice(0, -1)}_p${i}"`;
    return `CREATE TABLE ${name} PARTITION OF ${table} FOR VALUES WITH (MODULUS ${count}, REMAINDER ${i})${settings}`;
  });
}

/** @throws RangeError unless it is a whole number from 1 to 256, or not given */
export function checkLayout({ partitions = 1 }: PostgresLayout): void {
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= 256) return;
  throw new RangeError(`partitions is a whole number from 1 to 256, not ${partitions}.`);
}

/**
 * All statements that an empty database needs, for those who set it up by hand. The schema has to be there.
 *
 * @throws RangeError where `partitions` is not a whole number from 1 to 256
 */
export function postgresDdl(tables: Tables, layout: PostgresLayout = {}): string[] {
  checkLayout(layout);
  const steps = MIGRATIONS.flatMap((migration) => migration(tables, layout));
  return [...steps, `INSERT INTO ${tables.meta} (name, value) VALUES ('schema', '${SCHEMA_VERSION}')`];
}
