/** What compression and encryption cost: a save that replaces a state, and a first load of it, in memory. */
import { randomBytes } from 'node:crypto';
import { compress, encrypt, memoryBackend, Store } from 'dgents-core';

const keys = [{ id: 'k1', key: randomBytes(32) }];
const settings = {
  none: [],
  'compress()': [compress()],
  brotli: [compress({ format: 'brotli' })],
  'encrypt()': [encrypt({ keys })],
  'compress() + encrypt()': [compress(), encrypt({ keys })],
};

/** Messages of two hundred letters, of words in no order. */
function conversation(bytes) {
  const words = 'the agent asked for a plan and got three of them which it compared before it chose'.split(
    ' ',
  );
  const messages = [];
  let seed = 1;
  for (let length = 20; length < bytes; length += JSON.stringify(messages.at(-1)).length + 1) {
    const text = Array.from({ length: 30 }, () => {
      seed = (seed * 48271) % 2147483647;
      return words[seed % words.length] + (seed % 7 === 0 ? seed.toString(36) : '');
    }).join(' ');
    messages.push({ role: messages.length % 2 === 0 ? 'user' : 'agent', text });
  }
  return { messages, n: 0 };
}

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

for (const bytes of [1_000, 200_000]) {
  for (const [name, transforms] of Object.entries(settings)) {
    const backend = memoryBackend({ values: false });
    const store = new Store(backend);
    const rounds = bytes > 10_000 ? 40 : 500;
    const saves = [];
    const loads = [];
    for (let n = 0; n < rounds; n++) {
      const state = conversation(bytes);
      state.messages.reverse();
      state.n = n;
      const one = store.agent(`state ${n}`, { transforms });
      let start = performance.now();
      await one.save(state);
      saves.push(performance.now() - start);
      const other = new Store(backend).agent(`state ${n}`, { transforms });
      start = performance.now();
      await other.load();
      loads.push(performance.now() - start);
    }
    let stored = 0;
    for await (const { data } of backend.range('state 0')) stored += data.length;
    const us = (times) => `${Math.round(median(times) * 1000)} µs`.padStart(9);
    console.log(`${bytes} B  ${name.padEnd(24)} save ${us(saves)}  load ${us(loads)}  stored ${stored}`);
  }
}
