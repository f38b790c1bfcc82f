/** Compacts a stream on files with an archive, again and again, until it is killed: `compact.mjs <store> <archive> <from>`. */
import { fileBackend, Store } from 'dgents-core';
import { defineStream, StreamAgent } from 'dgents-stream';

const [path, archive, begin] = process.argv.slice(2);
// Nothing is too young to go.
const store = new Store(fileBackend({ path }), { clock: () => 1_800_000_000_000 });
const sums = defineStream({ initial: () => 0, fold: { added: (sum, { amount }) => sum + amount } });
const stream = new StreamAgent(store, 'sums', sums);
for (let before = Number(begin); ; before += 3) {
  const { compactedTo } = await stream.compact({ before, archive });
  process.stdout.write(`${compactedTo}\n`);
}
