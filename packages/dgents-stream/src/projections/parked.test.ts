/** Events put aside on a store that is atomic for one key only: before the checkpoint passes them, not with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Append, type Backend, fileBackend, StorageUnavailableError, Store } from 'dgents-core';
import { defineProjection } from '../index.js';
import { deposit, openAccount, Processors, streams, until } from '../testing/accounts.js';

const MODEL = 'projection:picky:#1:';

let directory: string;
let isBroken: boolean;
const processors = new Processors();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dgents-parked-'));
  isBroken = true;
});
afterEach(async () => {
  await processors.stop();
  await rm(directory, { recursive: true });
});

const picky = defineProjection({
  name: 'picky',
  streams,
  initial: (): number[] => [],
  on: {
    deposited: (model, { event }) => {
      if (isBroken && event.amount < 0) throw new RangeError('negative');
      model.push(event.amount);
    },
  },
});

/** Fails to write the model while it says so: as if the process had died before. */
function failing(inner: Backend, isDown: () => boolean, key: string): Backend {
  return new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'commit') return value.bind(target);
      return async (appends: readonly Append[], options?: object) => {
        if (isDown() && appends.some((append) => append.key === key))
          throw new StorageUnavailableError('down');
        return value.call(target, appends, options);
      };
    },
  });
}

test('an event that was put aside, and not passed, is not taken when the projection goes on', async () => {
  let isDown = false;
  const store = new Store(failing(fileBackend({ path: directory }), () => isDown, MODEL));
  await openAccount(store).append([1, -2, 3].map(deposit));
  const onFailure = (): void => {
    isDown = true;
  };
  const options = { stream: 'account:1', attempts: 1, onFailure };
  const first = processors.start(store, picky, options);
  await until(async () => (await first.parked()).length === 1);
  await first.stop();
  expect(await picky.model(store).load()).toEqual([1]);
  isDown = false;
  isBroken = false;
  // Not yet: the projection would take it once more when it comes to it.
  expect(await first.replayParked({ signal: new AbortController().signal })).toEqual({
    replayed: 0,
    failed: [{ key: 'account:1', version: 2, error: 'The projection has not passed it yet.' }],
  });
  const second = processors.start(store, picky, { stream: 'account:1' });
  await second.caughtUp();
  expect(await picky.model(store).load()).toEqual([1, 3]);
  expect(await second.replayParked()).toEqual({ replayed: 1, failed: [] });
  expect(await picky.model(store).load()).toEqual([1, 3, -2]);
  await processors.stop();
  await store.close();
});

test('a replay that dies between the model and the note that it was made happens once', async () => {
  let isDown = false;
  const store = new Store(
    failing(fileBackend({ path: directory }), () => isDown, '$parked:picky:#1:'),
    {
      timeoutMs: 500,
    },
  );
  await openAccount(store).append([1, -2, 3].map(deposit));
  const processor = processors.start(store, picky, { stream: 'account:1', attempts: 1 });
  await processor.caughtUp();
  isBroken = false;
  isDown = true;
  await expect(processor.replayParked()).rejects.toMatchObject({ retryable: true });
  expect(await picky.model(store).load()).toEqual([1, 3, -2]);
  expect(await processor.parked()).toHaveLength(1);
  isDown = false;
  expect(await processor.replayParked()).toEqual({ replayed: 1, failed: [] });
  expect(await picky.model(store).load()).toEqual([1, 3, -2]);
  expect(await processor.parked()).toEqual([]);
  await openAccount(store).append(deposit(4));
  await processor.caughtUp();
  expect(await picky.model(store).load()).toEqual([1, 3, -2, 4]);
  await processors.stop();
  await store.close();
});
