import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBackend, memoryBackend, Store } from 'dgents-core';
import { consumers, defineProjection, defineStream, StreamAgent } from '../index.js';
import { account, deposit, type Moved, openAccount, Processors, streams } from '../testing/accounts.js';

const list = defineProjection({
  name: 'list',
  streams,
  initial: (): number[] => [],
  on: { deposited: (model, { event }) => void model.push(event.amount) },
});

const [one, two] = [{ stream: 'account:1' }, { stream: 'account:2' }];
let directory: string;
let store: Store;
const processors = new Processors();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dgents-checkpoint-'));
});
afterEach(async () => {
  await processors.stop();
  await store.close();
  await rm(directory, { recursive: true });
});

test.each([
  ['in memory', () => memoryBackend()],
  ['of files', () => fileBackend({ path: directory })],
])('on a store %s the version of one stream is not taken for that of another', async (_, backend) => {
  store = new Store(backend());
  await openAccount(store, 'account:1').append([deposit(1), deposit(2)]);
  await openAccount(store, 'account:2').append([deposit(4), deposit(8), deposit(16)]);
  const first = processors.start(store, list, one);
  await first.caughtUp();
  const refusal = {
    code: 'DGENTS_UNSUPPORTED',
    message: '"list@1" follows "account:1"; give it another name to follow "account:2".',
  };
  // While the first one runs, and behind it.
  await expect(processors.start(store, list, two).caughtUp()).rejects.toMatchObject(refusal);
  await first.stop();
  const second = processors.start(store, list, two);
  await expect(second.finished).rejects.toMatchObject(refusal);
  await expect(second.replayParked()).resolves.toEqual({ replayed: 0, failed: [] });
  await expect(second.status()).rejects.toMatchObject(refusal);
  expect(await list.model(store).read()).toMatchObject({ state: [1, 2], streamVersion: 2 });
  // What is needed of the first stream is still held for it.
  expect((await consumers(store)).get('list@1')).toMatchObject(one);
  await openAccount(store, 'account:1').append(deposit(32));
  await processors.start(store, list, one).caughtUp();
  expect(await list.model(store).load()).toEqual([1, 2, 32]);
});

test('whoever follows the feed does not go on from a version, nor from a position in one stream', async () => {
  store = new Store(memoryBackend());
  await openAccount(store).append(deposit(1));
  const feed = processors.start(store, list);
  await feed.caughtUp();
  await feed.stop();
  await expect(processors.start(store, list, one).finished).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: '"list@1" follows the feed; give it another name to follow "account:1".',
  });
  const other = defineProjection({ name: 'other', streams, each: () => undefined });
  const stream = processors.start(store, other, one);
  await stream.caughtUp();
  await stream.stop();
  await expect(processors.start(store, other).finished).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: '"other@1" follows "account:1"; give it another name to follow the feed.',
  });
});

test('no processor runs for a model that is kept inline', async () => {
  store = new Store(memoryBackend());
  const inline = defineStream<Moved, number>({ ...account, inline: [list.inline()] });
  await new StreamAgent(store, 'account:1', inline).append(deposit(1));
  await expect(processors.start(store, list).finished).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: expect.stringContaining(
      'has no checkpoint: it is kept inline, or was written by something else.',
    ),
  });
  await new StreamAgent(store, 'account:1', inline).append(deposit(2));
  expect(await list.model(store).load()).toEqual([1, 2]);
});
