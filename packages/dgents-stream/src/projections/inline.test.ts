import { memoryBackend, Store } from 'dgents-core';
import { defineProjection, StreamAgent } from '../index.js';
import { account, deposit, streams } from '../testing/accounts.js';

const sums = defineProjection({
  name: 'sums',
  streams,
  key: ({ key, event }) => (event.type === 'closed' ? undefined : key),
  initial: () => ({ sum: 0 }),
  on: {
    deposited: (model, { event }) => {
      if (event.amount < 0) throw new RangeError('negative');
      model.sum += event.amount;
    },
  },
});

let store: Store;
beforeEach(() => {
  store = new Store(memoryBackend());
});
afterEach(() => store.close());

test('the same models change in the commit of the append, and what they refuse is not appended', async () => {
  const inline = { ...account, inline: [sums.inline()] };
  const open = () => new StreamAgent(store, 'account:1', inline);
  await open().append([deposit(1), { type: 'closed' }, deposit(2)]);
  expect(await sums.model(store, 'account:1').load()).toEqual({ sum: 3 });
  await expect(open().append(deposit(-1))).rejects.toThrow('negative');
  expect(await sums.model(store, 'account:1').load()).toEqual({ sum: 3 });
  expect(await open().load()).toBe(3);
});

test('more than models is not for a commit of somebody else', () => {
  expect(() => defineProjection({ name: 'mails', streams, each: () => undefined }).inline()).toThrow(
    TypeError,
  );
});
