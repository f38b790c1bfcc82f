/** What somebody who can write to the database may do to an encrypted log: nothing that is believed. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { encrypt, Store } from 'dgents-core';
import { KINDS } from '../shared/rows.js';
import { SqliteBackend } from './sqlite-backend.js';

interface Account {
  readonly pad: string;
  balance: number;
  other: number;
}

const how = { transforms: [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }] })] };
const corrupt = { code: 'DGENTS_STATE_CORRUPTION', key: 'acct' };

let place: string;
let path: string;
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'dgents-rows-'));
  path = join(place, 'state.db');
  await within(async (store) => {
    const agent = store.agent<Account>('acct', how);
    await agent.save({ pad: 'x'.repeat(500), balance: 100, other: 0 });
    await agent.update((draft) => {
      draft.balance = 5;
    });
    await agent.update((draft) => {
      draft.other = 1;
    });
  });
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function within(work: (store: Store) => Promise<void>): Promise<void> {
  const store = new Store(new SqliteBackend({ path }));
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

function alter(work: (db: Database.Database) => void): void {
  const db = new Database(path);
  try {
    work(db);
  } finally {
    db.close();
  }
}

async function refused(): Promise<void> {
  await within(async (store) => {
    await expect(store.agent('acct', how).load()).rejects.toMatchObject(corrupt);
    const walk = async () => {
      for await (const each of store.agent('acct', how).timeline()) expect(each.version).toBeLessThan(3);
    };
    await expect(walk()).rejects.toMatchObject(corrupt);
    const update = store.agent<Account>('acct', how).update((draft) => {
      draft.other = 2;
    });
    await expect(update).rejects.toMatchObject(corrupt);
  });
}

test('what nobody touched is read', async () => {
  await within(async (store) => {
    expect(await store.agent('acct', how).load()).toMatchObject({ balance: 5, other: 1 });
  });
});

test.each([2, 3])('version %i is called an event', async (version) => {
  alter((db) => {
    const { changes } = db
      .prepare('update dgents_log set kind = ? where version = ?')
      .run(KINDS.event, version);
    expect(changes).toBe(1);
  });
  await refused();
});

test('an event is put behind the log', async () => {
  alter((db) => {
    db.prepare(
      `insert into dgents_log (key, version, kind, at, id, data, meta) select key, 4, ?, at, 'forged', '"e"', '{"by":"mallory"}' from dgents_log where version = 3`,
    ).run(KINDS.event);
    db.prepare("update dgents_heads set version = 4, id = 'forged'").run();
  });
  await within(async (store) => {
    await expect(store.agent('acct', how).read()).rejects.toMatchObject(corrupt);
    const repeated = store.agent('acct', how).save({}, { operationId: 'forged' });
    await expect(repeated).rejects.toMatchObject(corrupt);
  });
});
