/**
 * What wrappers add, beside what they are measured against, in one run.
 *
 *     node bench/wrappers.mjs [--quick]
 */
import { Codec, memoryBackend, Store } from 'dgents-core';
import { CachedAgent } from 'dgents-core/cached';
import { focusOn } from 'dgents-core/lens';
import { ForwardingAgent } from 'dgents-core/wrapper';
import { each, interleaved, spread, summary } from './measure.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 25;
const calls = quick ? 2_000 : 20_000;

/** About 1 KB, with the usual mixture. */
const profile = {
  id: 'user:42',
  name: 'Ada Lovelace',
  tags: ['mathematics', 'engines', 'poetry'],
  contact: { email: 'ada@example.org', address: { street: '12 St James Square', city: 'London' } },
  biography: 'First to see that a machine could do more than count. '.repeat(11),
  scores: [1, 2, 3.5, 4, 5, 6, 7, 8],
  orders: Array.from({ length: 5 }, (_, index) => ({
    sku: `sku-${index}`,
    count: index,
    note: `note ${index}`,
  })),
};

const store = new Store(memoryBackend());
const agent = store.agent('profile');
await agent.save(profile);
const codec = new Codec();
const cached = new CachedAgent(store.agent('profile'), { maxAgeMs: Infinity });
await cached.warm();
const forwarding = new ForwardingAgent(agent);
const text = JSON.stringify(profile);

async function table(title, contenders) {
  console.log(`\n${title}`);
  const found = await interleaved(rounds, contenders);
  for (const [name, { us, ratio }] of Object.entries(found)) {
    console.log(`  ${name.padEnd(28)} ${spread(us).padStart(22)} µs   ×${spread(ratio)}`);
  }
}

await table(`a state of ${text.length} bytes as JSON, one call`, {
  structuredClone: () => each(calls, () => structuredClone(profile)),
  'JSON, there and back': () => each(calls, () => JSON.parse(JSON.stringify(profile))),
  'a copy by the codec': () => each(calls, () => codec.clone(profile)),
  'cached load': () => each(calls, () => cached.load()),
  'cached load, frozen': () => each(calls, () => cached.load({ frozen: true })),
  load: () => each(calls, () => agent.load()),
  'load, through a wrapper': () => each(calls, () => forwarding.load()),
});

/** What forwarding adds to a call: both by turns, so that what disturbs one disturbs the other. */
const TURN = 500;
const added = [];
for (let round = 0; round < (rounds * calls) / TURN; round += 1) {
  const through = await each(TURN, () => forwarding.load());
  added.push(through - (await each(TURN, () => agent.load())));
}
console.log(`  ${'what forwarding adds'.padEnd(28)} ${spread(summary(added)).padStart(22)} µs`);

// What waits is stored between the rounds, and not in them.
const behind = new CachedAgent(store.agent('behind'), {
  mode: 'write-behind',
  flushMs: Infinity,
  maxPending: Infinity,
});
const through = store.agent('through', { retain: { versions: 100 } });
await Promise.all([behind.save(profile), through.save(profile)]);
const writes = quick ? 200 : 500;
const rename = (draft) => {
  draft.scores[0] += 1;
};
const later = async (work) => {
  await behind.flush();
  return each(writes, work);
};
await table('a state of 1 KB, one write', {
  'save in memory': () => each(writes, () => through.save(profile)),
  'save, write-behind': () => later(() => behind.save(profile)),
  'update in memory': () => each(writes, () => through.update(rename)),
  'update, write-behind': () => later(() => behind.update(rename)),
});

/** 200 KB, of which a lens changes a little. */
const many = {
  visits: 0,
  items: Array.from({ length: 2000 }, (_, index) => ({ index, text: 'x'.repeat(80) })),
};
for (const key of ['whole', 'part', 'item', 'element']) await store.agent(key).save(many);
const whole = store.agent('whole');
const visits = focusOn(store.agent('part'), ['visits']);
const item = focusOn(store.agent('item'), ['items', 1000]);
const visit = (draft) => {
  draft.visits += 1;
};
const count = (draft) => {
  draft.index += 1;
};
const countOne = (draft) => {
  draft.items[1000].index += 1;
};
const element = store.agent('element');
const updates = quick ? 200 : 1_000;
await table('a state of 200 KB, one update', {
  'of the whole, drafted': () => each(updates, () => whole.update(visit)),
  'of a number, by a lens': () => each(updates, () => visits.update((number) => number + 1)),
  'of an element of the whole': () => each(updates, () => element.update(countOne)),
  'of an element, by a lens': () => each(updates, () => item.update(count)),
});
await store.close();
