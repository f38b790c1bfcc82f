/** Compacts with an archive three times, whatever becomes of it, and says so: `archive-thrice.mjs <archive>`. */
import { memoryBackend, Store } from 'dgents-core';
import { defineStream, readArchive, StreamAgent } from 'dgents-stream';

const archive = process.argv[2];
const sums = defineStream({ initial: () => 0, fold: { added: (sum, { amount }) => sum + amount } });
const stream = new StreamAgent(new Store(memoryBackend()), 'sums', sums);
for (let amount = 1; amount <= 10; amount++) await stream.append({ type: 'added', amount });
const told = [];
for (let i = 0; i < 3; i++) {
  const done = await stream
    .compact({ before: 5, archive })
    .catch(({ code, cause }) => ({ code, cause: cause.code }));
  const kept = [];
  for await (const { version } of stream.events()) kept.push(version);
  told.push({ ...done, kept: kept.length });
}
const archived = [];
for await (const { version } of readArchive(archive, sums)) archived.push(version);
process.stdout.write(JSON.stringify({ told, archived }));
