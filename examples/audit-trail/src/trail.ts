/** The store of one repository: its events, and what is projected from them. */
import { stat } from 'node:fs/promises';
import { Store } from 'dgents-core';
import { SqliteBackend } from 'dgents-sql';
import { StreamAgent } from 'dgents-stream';
import { AuditError } from './errors.js';
import { HISTORY, history } from './history.js';
import type { HistoryStream } from './importing.js';

export class Trail implements AsyncDisposable {
  readonly stream: HistoryStream;

  private constructor(readonly store: Store) {
    this.stream = new StreamAgent(store, HISTORY, history);
  }

  /**
   * @param path of an SQLite file
   * @param create whether to make it where there is none
   * @throws AuditError when there is none, or what is there cannot be opened
   */
  static async open(path: string, { create }: { readonly create: boolean }): Promise<Trail> {
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (!exists && !create) {
      throw new AuditError(`There is no store ${path} yet. Make it: audit-trail import --store ${path}`);
    }
    const store = new Store(new SqliteBackend({ path }));
    try {
      await store.ready();
      return new Trail(store);
    } catch (cause) {
      await store.close().catch(() => undefined);
      throw new AuditError(
        `The store ${path} cannot be opened: ${(cause as Error).message} Name another: --store <file>.`,
        { cause },
      );
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close();
  }
}
