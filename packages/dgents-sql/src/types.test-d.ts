/** What the compiler infers: this file only has to compile. */
import type { PGlite } from '@electric-sql/pglite';
import type Database from 'better-sqlite3';
import type { Store } from 'dgents-core';
import type pg from 'pg';
import { z } from 'zod';
import type { Condition, Found, SqlBackend } from './index.js';
import { onPostgres, onSqlite, PgliteBackend, PostgresBackend, SQLAgent, SqliteBackend } from './index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

interface Order {
  city: string;
  total: number;
  lines: { sku: string; count: number }[];
  state: 'open' | 'paid' | 'sent';
  placed: Date;
  note?: string;
  address: { street: string; geo?: { lat: number; lon: number } } | null;
  stock: Record<string, { left: number }>;
  byId: Record<number, string>;
  pair: [string, number];
  extra: unknown;
  seen: Map<string, number>;
}

/** A tree: its paths never end. */
interface Node {
  name: string;
  size: number;
  parent: Node | null;
  children: Node[];
}

type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number; at: { x: number } };

export async function inference(backend: SqlBackend): Promise<void> {
  const orders = new SQLAgent<Order>({ backend, key: 'order:1' });
  expectType<Found<Order>[]>()(await orders.query({ keys: 'order:', where: [['total', '>', 5]] }), true);
  await orders.query({ where: [[['lines', 0, 'sku'], '=', 'x'], { any: [['city', 'in', ['a']]] }] });
  // @ts-expect-error there is no such field
  await orders.query({ where: [['town', '=', 'Berlin']] });
  // @ts-expect-error there is no such operator
  await orders.query({ where: [['city', 'like', 'B%']] });
  // @ts-expect-error a comparison needs what has an order
  await orders.query({ where: [['city', '<', null]] });

  const rows = await orders.aggregate({ figures: { n: 'count', most: ['max', 'total'] }, groupBy: 'city' });
  expectType<number>()(rows[0]!.n, true);
  expectType<number | null>()(rows[0]!.most, true);
  expectType<string | undefined>()(rows[0]!.group, true);
  // @ts-expect-error there is no such figure
  await orders.aggregate({ figures: { n: ['median', 'total'] } });
  // @ts-expect-error there is no number
  await orders.aggregate({ figures: { n: ['sum', 'city'] } });

  const schema = z.object({ name: z.string() });
  const bySchema = new SQLAgent<z.infer<typeof schema>>({ backend, schema });
  expectType<{ name: string }>()(await bySchema.load(), true);
  // The schema says what the state is; `initial` is one of those.
  const tagged = z.object({ tags: z.array(z.string()), kind: z.enum(['a', 'b']).optional() });
  const both = new SQLAgent({ backend, schema: tagged, initial: () => ({ tags: [] }) });
  expectType<z.infer<typeof tagged>>()(await both.load(), true);
  await both.query({
    where: [
      [['tags', 0], '=', 'x'],
      ['kind', '=', 'a'],
    ],
  });
  const literal = new SQLAgent({ backend, schema: tagged, initial: () => ({ tags: [], kind: 'a' }) });
  expectType<z.infer<typeof tagged>>()(await literal.load(), true);
  await literal.update((draft) => void draft.tags.push('x'));
  // @ts-expect-error a transformation does not accept its own output
  new SQLAgent({ backend, schema: z.object({ n: z.string().transform(Number) }) });
  // @ts-expect-error no such kind
  new SQLAgent({ backend, schema: tagged, initial: () => ({ tags: [], kind: 'c' }) });
  // @ts-expect-error the schema has other tags
  new SQLAgent({ backend, schema: tagged, initial: () => ({ tags: [1] }) });
  const byInitial = new SQLAgent({ backend, initial: () => ({ count: 0 }) });
  expectType<{ count: number }>()(await byInitial.load(), true);
}

export async function paths(backend: SqlBackend): Promise<void> {
  const orders = new SQLAgent<Order>({ backend });
  await orders.query({
    where: [
      [['city'], '=', 'Oslo'],
      [['lines', 0, 'count'], '>=', 2],
      [['address', 'geo', 'lat'], '<', 60.5],
      ['address', '=', null],
      [['stock', 'any name', 'left'], 'in', [1, 2]],
      [['byId', '42'], 'startsWith', 'a'],
      [['pair', 1], '=', 5],
      [['extra', 'what', 0, 'ever'], '<', new Date()],
      ['placed', '>', new Date()],
      ['state', 'in', ['open', 'paid']],
      ['state', '<', 'p'],
      ['note', 'exists', false],
      { not: { any: [['total', '=', 1]] } },
    ],
    orderBy: [{ path: ['address', 'street'] }, { path: 'placed', descending: true }],
  });
  await orders.createIndex(['address', 'street']);
  // @ts-expect-error there is no such field in it
  await orders.query({ where: [[['address', 'town'], '=', 'x']] });
  // @ts-expect-error elements are reached by their position
  await orders.query({ where: [[['lines', 'sku'], '=', 'x']] });
  // @ts-expect-error the field is a number
  await orders.query({ where: [['total', '=', '5']] });
  // @ts-expect-error it is none of these
  await orders.query({ where: [['state', '=', 'opne']] });
  // @ts-expect-error one of them is none of these
  await orders.query({ where: [['state', 'in', ['open', 'opne']]] });
  // @ts-expect-error a number begins with nothing
  await orders.query({ where: [['total', 'startsWith', '5']] });
  // @ts-expect-error an object is no value to compare with
  await orders.query({ where: [['address', '=', {}]] });
  // @ts-expect-error no path leads into a Map
  await orders.query({ where: [[['seen', 'a'], '=', 1]] });
  // @ts-expect-error there is no such field
  await orders.query({ orderBy: [{ path: ['address', 'town'] }] });
  // @ts-expect-error there is no such field
  await orders.createIndex('town');

  const figures = { n: 'count', most: ['max', ['lines', 0, 'count']] } as const;
  expectType<'open' | 'paid' | 'sent' | undefined>()(
    (await orders.aggregate({ figures, groupBy: 'state' }))[0]!.group,
    true,
  );
  expectType<string | undefined>()(
    (await orders.aggregate({ figures, groupBy: ['lines', 0, 'sku'] }))[0]!.group,
    true,
  );
  expectType<number | undefined>()(
    (await orders.aggregate({ figures, groupBy: ['address', 'geo', 'lat'] }))[0]!.group,
    true,
  );
  expectType<undefined>()((await orders.aggregate({ figures }))[0]!.group, true);

  const nodes = new SQLAgent<Node>({ backend });
  await nodes.query({
    where: [
      [['children', 0, 'parent', 'name'], '=', 'x'],
      [['children', 0, 'size'], '<', 2],
    ],
  });
  await nodes.query({
    where: [[['parent', 'parent', 'parent', 'parent', 'parent', 'parent', 'name'], '=', 'x']],
  });
  // @ts-expect-error there is no such field
  await nodes.query({ where: [[['children', 0, 'title'], '=', 'x']] });

  const shapes = new SQLAgent<Shape>({ backend });
  await shapes.query({
    where: [
      ['kind', '=', 'circle'],
      ['radius', '>', 1],
      [['at', 'x'], '=', 1],
    ],
  });
  expectType<number | undefined>()(
    (await shapes.aggregate({ figures: { n: 'count' }, groupBy: 'side' }))[0]!.group,
    true,
  );
}

/** States of which nothing is known take any path. */
export async function untyped(backend: SqlBackend, name: string): Promise<void> {
  const anything = new SQLAgent({ backend });
  expectType<unknown>()(await anything.load(), true);
  await anything.query({
    where: [
      [name, '=', 5],
      [['a', 0, name], 'in', ['x', null]],
    ],
    orderBy: [{ path: name }],
  });
  const rows = await anything.aggregate({ figures: { n: ['sum', name] }, groupBy: ['a', name] });
  expectType<unknown>()(rows[0]!.group, true);
  const any = new SQLAgent<any>({ backend });
  await any.query({
    where: [
      [name, '<', 'x'],
      [['a', 0], 'exists', true],
    ],
  });
  const record = new SQLAgent<Record<string, number>>({ backend });
  await record.query({ where: [[name, '>', 5]] });
  // @ts-expect-error the fields are numbers
  await record.query({ where: [[name, '>', 'x']] });
  const asked: Condition<Order>[] = [['city', '=', name]];
  await new SQLAgent<Order>({ backend }).query({ where: asked });
}

/** What users hand in are those of the drivers. */
export function drivers(
  database: Database.Database,
  pool: pg.Pool,
  config: pg.PoolConfig,
  pglite: PGlite,
): void {
  new SqliteBackend({ database });
  new PostgresBackend({ pool, replica: { pool } });
  new PostgresBackend({ poolOptions: config });
  new PostgresBackend({
    poolOptions: { max: 3, ssl: { rejectUnauthorized: false }, password: async () => 'x' },
  });
  new PgliteBackend({ pglite });
  // @ts-expect-error it is another driver's
  new SqliteBackend({ database: pool });
  // @ts-expect-error it is another driver's
  new PostgresBackend({ pool: pglite });
  // @ts-expect-error it is another driver's
  new PgliteBackend({ pglite: database });
  // @ts-expect-error there is no such setting
  new PostgresBackend({ poolOptions: { maximum: 3 } });
}

/** Work within a transaction needs no cast, whatever it returns. */
export async function work(store: Store): Promise<void> {
  const agents = [store.agent<{ n: number }>('n')] as const;
  await store.transact(agents, (state) => void state.n++, {
    within: onSqlite((db) => db.prepare('INSERT INTO notes VALUES (?)').run('a')),
  });
  onSqlite((db) => {
    const row = db.prepare<{ n: number }>('SELECT 1 AS n').get();
    expectType<number | undefined>()(row?.n, true);
  });
  onSqlite<Database.Database>((db) => db.transaction(() => undefined)());
  onSqlite((db: Database.Database) => db.pragma('user_version'));
  onPostgres(async (sql) => {
    const { rows, rowCount } = await sql.query<{ n: number }>('SELECT $1::int AS n', [1]);
    expectType<number | undefined>()(rows[0]?.n, true);
    expectType<number>()(rowCount, true);
  });
  // @ts-expect-error: what it is given is unknown until a helper says it
  await store.transact(agents, () => undefined, { within: (db) => db.prepare('SELECT 1') });
}
