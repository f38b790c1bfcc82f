/** Runs work within transactions of PGlite, and tells what came of each. */
import { PGlite } from '@electric-sql/pglite';
import { Store } from 'dgents-core';
import { onPostgres, PgliteBackend } from 'dgents-sql';

const pglite = new PGlite();
await pglite.exec(`
  CREATE TABLE notes (text text PRIMARY KEY);
  CREATE TABLE of_notes (text text REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)`);
const store = new Store(new PgliteBackend({ pglite }));
const agent = () => store.agent('n', { initial: () => ({ n: 0 }) });
const told = [];
let kept;

async function count(name, work, timeoutMs = 10_000) {
  const recipe = (state) => void state.n++;
  const outcome = await store.transact([agent()], recipe, { within: onPostgres(work), timeoutMs }).then(
    ([{ state }]) => state.n,
    ({ name, code = name }) => code,
  );
  const { rows } = await pglite.query('SELECT text FROM notes ORDER BY text');
  told.push([name, outcome, (await agent().load()).n, rows.map(({ text }) => text).join()]);
}

await count('made', async (sql) => {
  kept = sql;
  const { rowCount } = await sql.query('INSERT INTO notes VALUES ($1), ($2)', ['a', 'b']);
  const { rows } = await sql.query('SELECT count(*)::int AS n FROM notes');
  if (rowCount !== 2 || rows[0].n !== 2) throw new RangeError('not what was written');
});
await count('thrown', async (sql) => {
  await sql.query("INSERT INTO notes VALUES ('c')");
  throw new RangeError('no');
});
await count('refused', (sql) => sql.query("INSERT INTO notes VALUES ('a')"));
await count('swallowed', (sql) => sql.query("INSERT INTO notes VALUES ('a')").catch(() => undefined));
await count('deferred', (sql) => sql.query("INSERT INTO of_notes VALUES ('nothing')"));
await count('ended', (sql) => sql.query('COMMIT'));
await count(
  'hangs',
  async (sql) => {
    await sql.query("INSERT INTO notes VALUES ('d')");
    await new Promise(() => undefined);
  },
  300,
);
await count('too late', () => kept.query('SELECT 1'));
await count('made again', (sql) => sql.query("INSERT INTO notes VALUES ('e')"));
await Promise.all(
  ['f', 'g', 'h'].map((text) => count(text, (sql) => sql.query('INSERT INTO notes VALUES ($1)', [text]))),
);
await count('last', () => undefined);
await store.close();
await pglite.close();
console.log(JSON.stringify(told.filter(([name]) => name.length > 1)));
