/** Work of the caller's in the transaction of a commit: what holds in every database. */
import { type Append, type Backend, Store } from 'dgents-core';
import { heard, startWorker } from './load.js';

export interface WithinPlace {
  /** A backend on the same tables as the others. */
  open(): Backend;
  /** Work that says a statement. */
  say(text: string): (client: unknown) => unknown;
  /** The same, for the transactions of the other database. */
  wrong: (client: unknown) => unknown;
  /** The texts of the table `notes` as somebody outside sees them; `text` is unique, and of `of_note` a deferred reference. */
  notes(): Promise<string[]>;
}

export const NOTES = 'CREATE TABLE notes (text text PRIMARY KEY)';
export const REFERENCES =
  'CREATE TABLE of_notes (text text REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)';

const put = (text: string) => `INSERT INTO notes VALUES ('${text}')`;

/** Kills a process in the midst of it, again and again: nothing acknowledged is lost, and neither goes without the other. */
export async function expectTogetherAfterKills(
  settings: object,
  look: () => Promise<{ readonly count: number; readonly notes: number }>,
): Promise<void> {
  let before = 0;
  for (const acks of [1, 20, 33]) {
    const worker = startWorker('within.mjs', settings);
    try {
      for (let i = 0; i < acks; i++) await heard(worker, 'acked');
    } finally {
      worker.kill();
      await worker.ended;
    }
    const acked: number = worker.last('acked')?.['acked'] ?? 0;
    const { count, notes } = await look();
    expect(notes).toBe(count);
    expect(acked).toBeGreaterThanOrEqual(before + acks);
    expect([acked, acked + 1]).toContain(count);
    before = count;
  }
}

export function appendOf(key: string, id: string): Append {
  return { key, expected: null, records: [{ version: 1, kind: 'set', at: 1, id, data: '1' }] };
}

export function describeWithin(place: () => WithinPlace): void {
  const opened: Store[] = [];
  const open = (): Store => {
    const store = new Store(place().open());
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  const counter = (store: Store, key = 'n') => store.agent<number>(key, { initial: () => 0 });
  const count = (store: Store, within: (client: unknown) => unknown, timeoutMs = 5_000) =>
    store.transact(
      [store.agent<{ n: number }>('n', { initial: () => ({ n: 0 }) })],
      (state) => {
        state.n += 1;
      },
      { within, timeoutMs },
    );
  const counted = async () =>
    (
      await open()
        .agent<{ n: number }>('n', { initial: () => ({ n: 0 }) })
        .load()
    ).n;
  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  test('what it writes and the state change together', async () => {
    const store = open();
    expect((await store.ready()).joins).toBe(true);
    await count(store, place().say(put('a')));
    expect([await counted(), await place().notes()]).toEqual([1, ['a']]);
  });

  test('what it throws comes out as it is, and neither was written', async () => {
    const store = open();
    const reason = new RangeError('no');
    const throwing = (client: unknown) => {
      const said = place().say(put('a'))(client);
      if (!(said instanceof Promise)) throw reason;
      return said.then(() => Promise.reject(reason));
    };
    expect(await failureOf(count(store, throwing))).toBe(reason);
    expect([await counted(), await place().notes()]).toEqual([0, []]);
    await count(store, place().say(put('b')));
    expect([await counted(), await place().notes()]).toEqual([1, ['b']]);
  });

  test('a statement that the database refuses comes out as the database says it', async () => {
    const store = open();
    await count(store, place().say(put('a')));
    const error = (await failureOf(count(store, place().say(put('a'))))) as { code: string };
    expect(error.code).toMatch(/^(23505|SQLITE_CONSTRAINT_PRIMARYKEY)$/);
    expect(await counted()).toBe(1);
  });

  test('what is deferred to the commit and refused there is a failure of the work, at once', async () => {
    const store = open();
    const began = performance.now();
    const error = await failureOf(count(store, place().say("INSERT INTO of_notes VALUES ('nothing')")));
    expect((error as { code: string }).code).toMatch(/^(23503|SQLITE_CONSTRAINT_FOREIGNKEY)$/);
    expect(performance.now() - began).toBeLessThan(2_500);
    expect(await counted()).toBe(0);
    await count(store, place().say(put('a')));
    expect(await counted()).toBe(1);
  });

  test('many at once, of several handles, each leave exactly one trace', async () => {
    const stores = [open(), open()];
    let runs = 0;
    const works = Array.from({ length: 20 }, (_, i) =>
      count(
        stores[i % 2]!,
        (client) => {
          runs++;
          return place().say(put(`${i}`))(client);
        },
        20_000,
      ),
    );
    await Promise.all([...works, ...stores.map((store) => counter(store, 'other').update((n) => n + 1))]);
    expect(await counted()).toBe(20);
    expect((await place().notes()).length).toBe(20);
    expect(runs).toBeGreaterThanOrEqual(20);
  });

  test('it is not run for a replay, nor where an append conflicts', async () => {
    const backend = place().open();
    try {
      const appends = [appendOf('a', 'x'), appendOf('b', 'x')];
      let runs = 0;
      const within = (client: unknown) => {
        runs++;
        return place().say(put('a'))(client) as undefined;
      };
      const [first] = await backend.commit(appends, { atomic: true, within });
      expect(first).toMatchObject({ ok: true, replayed: false });
      expect(await backend.commit(appends, { atomic: true, within })).toMatchObject([
        { ok: true, replayed: true },
        { ok: true, replayed: true },
      ]);
      const late = [appendOf('c', 'y'), appendOf('b', 'y')];
      expect(await backend.commit(late, { atomic: true, within })).toMatchObject([
        { ok: false },
        { ok: false },
      ]);
      expect([runs, await place().notes()]).toEqual([1, ['a']]);
    } finally {
      await backend.close();
    }
  });

  test('where it makes no sense it is refused, and nothing is written', async () => {
    const backend = place().open();
    try {
      const within = () => undefined;
      await expect(backend.commit([appendOf('a', 'x')], { within })).rejects.toThrow(TypeError);
      await expect(backend.commit([], { atomic: true, within })).rejects.toThrow(TypeError);
      const none = { atomic: true, within: 5 as never };
      await expect(backend.commit([appendOf('a', 'x')], none)).rejects.toThrow(TypeError);
      expect((await backend.read('a')).head).toBeNull();
    } finally {
      await backend.close();
    }
  });

  test('one for another database is a TypeError, and nothing is written', async () => {
    expect(await failureOf(count(open(), place().wrong))).toBeInstanceOf(TypeError);
    expect(await counted()).toBe(0);
  });
}
