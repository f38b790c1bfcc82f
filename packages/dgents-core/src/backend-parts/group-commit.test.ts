import { StorageUnavailableError } from '../errors.js';
import { GroupCommit } from './group-commit.js';

/** A store whose transactions are counted, and can be made to wait or to fail. */
class Store {
  transactions = 0;
  /** What each transaction wrote. */
  readonly written: string[][] = [];
  before: () => unknown = () => undefined;
  after: () => unknown = () => undefined;

  readonly commits = new GroupCommit<string[]>(async (work) => {
    this.transactions++;
    await this.before();
    const writes: string[] = [];
    const result = work(writes);
    await this.after();
    this.written.push(writes);
    return result;
  });

  put(text: string): Promise<string> {
    return this.commits.add((writes) => {
      writes.push(text);
      return `${text} done`;
    });
  }
}

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('changes of one turn share a transaction, and each has its own result', async () => {
  const store = new Store();
  const texts = Array.from({ length: 100 }, (_, i) => `${i}`);
  expect(await Promise.all(texts.map((text) => store.put(text)))).toEqual(
    texts.map((text) => `${text} done`),
  );
  expect(store.written).toEqual([texts]);
});

test('a change that comes later in the turn, from a microtask, is in the same transaction', async () => {
  const store = new Store();
  await Promise.all([store.put('a'), Promise.resolve().then(() => store.put('b'))]);
  expect(store.written).toEqual([['a', 'b']]);
});

test('a typed error is that of its change alone', async () => {
  const store = new Store();
  const error = new StorageUnavailableError('on purpose');
  const fail = () => {
    throw error;
  };
  const results = await Promise.allSettled([store.put('a'), store.commits.add(fail), store.put('b')]);
  expect(results).toEqual([
    { status: 'fulfilled', value: 'a done' },
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 'b done' },
  ]);
  expect(store.written).toEqual([['a', 'b']]);
});

test('any other error is that of all in its transaction, and of nobody later', async () => {
  const store = new Store();
  const error = new Error('on purpose');
  const fail = () => {
    throw error;
  };
  const results = await Promise.allSettled([store.put('a'), store.commits.add(fail), store.put('b')]);
  expect(results).toEqual(Array(3).fill({ status: 'rejected', reason: error }));
  expect(store.written).toEqual([]);
  expect(await store.put('c')).toBe('c done');
});

test('nobody is answered before the transaction is durable', async () => {
  const store = new Store();
  const { open, opened } = gate();
  store.after = () => opened;
  let answered = false;
  const result = store.put('a').finally(() => {
    answered = true;
  });
  while (store.transactions === 0) await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(answered).toBe(false);
  open();
  expect(await result).toBe('a done');
});

test('what comes while a transaction is under way is in the next one, together', async () => {
  const store = new Store();
  const { open, opened } = gate();
  store.before = () => opened;
  const first = store.put('a');
  while (store.transactions === 0) await new Promise(setImmediate);
  const later = [store.put('b')];
  await new Promise(setImmediate);
  later.push(store.put('c'));
  await new Promise(setImmediate);
  expect(store.transactions).toBe(1);
  open();
  await Promise.all([first, ...later]);
  expect(store.written).toEqual([['a'], ['b', 'c']]);
});

test('transactions never overlap, also when one fails', async () => {
  let [running, most] = [0, 0];
  const commits = new GroupCommit<undefined>(async (work) => {
    running++;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    try {
      return work(undefined);
    } finally {
      running--;
    }
  });
  const changes: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    const change = () => {
      if (i % 3 === 0) throw new Error('on purpose');
    };
    changes.push(commits.add(change).catch(() => undefined));
    if (i % 2 === 0) await new Promise(setImmediate);
  }
  await Promise.all(changes);
  expect(most).toBe(1);
});

test('it is idle once all that was added before is told, failures too', async () => {
  const store = new Store();
  await store.commits.idle();
  const { open, opened } = gate();
  store.before = () => opened;
  store.after = () => {
    throw new Error('on purpose');
  };
  const told: string[] = [];
  const one = store.put('a').catch(() => told.push('a'));
  const idle = store.commits.idle().then(() => told.push('idle'));
  open();
  await Promise.all([one, idle]);
  expect(told).toEqual(['a', 'idle']);
});

test('nothing is begun before there is a change', async () => {
  const store = new Store();
  await store.commits.idle();
  await new Promise(setImmediate);
  expect(store.transactions).toBe(0);
});
