/** Commits of a Postgres that become visible in another order than they took their places in, or never: none is skipped. */
import { Store } from 'dgents-core';
import { appendTogether } from 'dgents-core/folding';
import { PostgresBackend } from '../../dgents-sql/src/postgres/postgres-backend.js';
import { newDatabase, postgresUrl, type TestDatabase } from '../../dgents-sql/test/postgres.js';
import { defineProjection } from '../src/index.js';
import { deposit, openAccount, Processors, streams, until } from '../src/testing/accounts.js';

const list = defineProjection({
  name: 'list',
  streams,
  initial: (): number[] => [],
  on: { deposited: (model, { event }) => void model.push(event.amount) },
});

/** An append that has taken its place, and is committed once it is told to. */
class Held {
  /** Resolves when it has its place. */
  readonly begun: Promise<void>;
  readonly done: Promise<unknown>;
  private tell: (isWanted: boolean) => void = () => undefined;

  constructor(store: Store, key: string, amount: number) {
    const word = new Promise<boolean>((resolve) => {
      this.tell = resolve;
    });
    let isBegun = (): void => undefined;
    this.begun = new Promise<void>((resolve) => {
      isBegun = resolve;
    });
    const within = async (): Promise<void> => {
      isBegun();
      if (!(await word)) throw new RangeError('rolled back');
    };
    const agent = openAccount(store, key) as never;
    this.done = appendTogether(store, [{ agent, events: [deposit(amount)] }], { within, timeoutMs: 30_000 });
    this.done.catch(() => undefined);
  }

  async commit(): Promise<void> {
    this.tell(true);
    await this.done;
  }

  async rollBack(): Promise<void> {
    this.tell(false);
    await expect(this.done).rejects.toThrow('rolled back');
  }
}

const server = postgresUrl();
const withPostgres = server === undefined ? describe.skip : describe;

withPostgres(`projections of a Postgres${server === undefined ? ' (skipped: none answers)' : ''}`, () => {
  let database: TestDatabase;
  let store: Store;
  let holders: Store[];
  const processors = new Processors();
  const open = (): Store => new Store(new PostgresBackend({ connectionString: database.url, pollMs: 10 }));
  beforeEach(async () => {
    database = await newDatabase(server as string);
    store = open();
    holders = [open(), open(), open()];
    await store.ready();
  });
  afterEach(async () => {
    await processors.stop();
    for (const one of [...holders, store]) await one.close();
    await database.drop();
  });
  const model = (): Promise<number[]> => list.model(store).load();

  test('an event that took an earlier place, and is committed later, comes first', async () => {
    processors.start(store, list);
    const held = new Held(holders[0] as Store, 'account:held', 1);
    await held.begun;
    await openAccount(store, 'account:2').append(deposit(2));
    await openAccount(store, 'account:3').append(deposit(3));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await model()).toEqual([]);
    await held.commit();
    await until(async () => (await model()).length === 3);
    expect(await model()).toEqual([1, 2, 3]);
  });

  test('a place whose transaction is rolled back holds nothing up for long', async () => {
    const processor = processors.start(store, list);
    const held = new Held(holders[0] as Store, 'account:held', 1);
    await held.begun;
    await openAccount(store, 'account:2').append(deposit(2));
    await held.rollBack();
    await processor.caughtUp();
    expect(await model()).toEqual([2]);
  });

  test('in any order of places and commits, each event is taken once, in the order of the places', async () => {
    const processor = processors.start(store, list, { batchEvents: 2 });
    let next = 0;
    const committed: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const some: { readonly held: Held; readonly amount: number }[] = [];
      for (const [index, one] of holders.entries()) {
        next += 1;
        const held = new Held(one, `account:${index}`, next);
        await held.begun;
        some.push({ held, amount: next });
        next += 1;
        await openAccount(store, 'account:free').append(deposit(next));
        committed.push(next);
      }
      while (some.length > 0) {
        const [{ held, amount }] = some.splice(Math.floor(Math.random() * some.length), 1) as [
          (typeof some)[0],
        ];
        if (Math.random() < 0.3) await held.rollBack();
        else {
          await held.commit();
          committed.push(amount);
        }
      }
      // The others take over in the midst of it.
      if (round % 4 === 3)
        await processors.stop().then(() => processors.start(store, list, { batchEvents: 2 }));
    }
    expect((await processor.status()).state).toBe('stopped');
    await processors.start(store, list).caughtUp();
    expect(await model()).toEqual(committed.toSorted((a, b) => a - b));
  });
});
