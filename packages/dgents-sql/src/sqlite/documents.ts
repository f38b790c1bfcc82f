/** The documents of current states in an SQLite database. */
import type { BackendCallOptions, StoredState } from 'dgents-core';
import { sqliteDialect } from '../query/dialect.js';
import { type DocumentStore, notMaterialized } from '../query/documents.js';
import type { Tables } from '../shared/names.js';
import type { Sqlite } from './connection.js';

/** What the documents are reached by: one look at the database, and one write. */
export interface DocumentPlace {
  readonly tables: Tables;
  readonly materialized: boolean;
  look<T>(options: BackendCallOptions, work: (sqlite: Sqlite) => T): Promise<T>;
  write(options: BackendCallOptions, work: (sqlite: Sqlite) => void): Promise<void>;
  put(key: string, state: StoredState, options: BackendCallOptions): Promise<void>;
}

export function documentsIn({ tables, materialized, look, write, put }: DocumentPlace): DocumentStore {
  return {
    tables,
    dialect: sqliteDialect,
    assertMaterialized() {
      if (!materialized) throw notMaterialized();
    },
    select: <Row>(text: string, values: readonly unknown[], options: BackendCallOptions) =>
      look(options, (sqlite) => sqlite.prepare<unknown[], Row>(text).all(...values)),
    define: (text, options) => write(options, (sqlite) => void sqlite.exec(text)),
    put,
  };
}
