/** The documents of current states in a Postgres. */
import type { BackendCallOptions } from 'dgents-core';
import { postgresDialect } from '../query/dialect.js';
import { type DocumentStore, notMaterialized } from '../query/documents.js';
import { textOfKey } from '../shared/key-text.js';
import type { Tables } from '../shared/names.js';
import type { Executor, Limits, Statement } from './executor.js';
import type { Statements } from './statements.js';

/** What the documents are reached by. `call` sets the tables up first, and bounds what is done. */
export interface DocumentPlace {
  readonly tables: Tables;
  readonly sql: Statements;
  readonly executor: Executor;
  readonly materialized: boolean;
  call<T>(key: string, options: BackendCallOptions, work: (limits: Limits) => Promise<T>): Promise<T>;
}

export function documentsIn({ tables, sql, executor, materialized, call }: DocumentPlace): DocumentStore {
  const ask = <Row>(statement: Statement, values: readonly unknown[], options: BackendCallOptions) =>
    call('', options, (limits) => executor.query<Row>(statement, values, limits));
  return {
    tables,
    dialect: postgresDialect,
    assertMaterialized() {
      if (!materialized) throw notMaterialized();
    },
    // Without a name: what is asked differs from time to time, and is planned for its values.
    select: (text, values, options) => ask({ name: '', text }, values, options),
    define: async (text, options) => void (await ask({ name: '', text }, [], options)),
    put: async (key, { head, text, schema }, options) => {
      const values = [textOfKey(key), head.version, textOfKey(head.id), text, schema];
      await ask(sql.keepDocument, values, options);
    },
  };
}
