/** Postgres within the process, beside an insert into the same one. */
import { PGlite } from '@electric-sql/pglite';
import { Store } from 'dgents-core';
import { PgliteBackend } from 'dgents-sql';
import { creations, saves } from './dgents.js';
import { each, interleaved } from './measure.js';
import type { Block } from './report.js';
import { small } from './states.js';
import type { Effort } from './suite.js';

export async function* pglite({ quick, progress }: Effort): AsyncGenerator<Block> {
  const name = 'pglite-save';
  const database = await PGlite.create('memory://');
  await database.exec('CREATE TABLE raw (key text, version int8, data text, PRIMARY KEY (key, version))');
  const store = new Store(new PgliteBackend({ pglite: database }));
  let version = 0;
  const contenders = {
    'raw insert': () =>
      each(10, () =>
        database.query('INSERT INTO raw VALUES ($1, $2, $3)', [
          'key',
          ++version,
          JSON.stringify(small(version)),
        ]),
      ),
    ...(await saves(store, 10)),
    ...creations(store, 10),
  };
  yield {
    name,
    title: 'save of a state of 400 B, in memory',
    times: await interleaved(contenders, quick ? 20 : 60, progress(name)),
    comparisons: [
      { of: 'agent.save', to: 'raw insert', most: 2 },
      { of: 'agent.update', to: 'raw insert', most: 2 },
      { of: 'port commit', to: 'raw insert' },
      { of: 'agent create', to: 'raw insert' },
    ],
  };
  await store.close();
  await database.close();
}
