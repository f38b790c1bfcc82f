import assert from 'node:assert/strict';
import { streamSuite } from './suite.js';

/** Methods that a stream need not have. */
const OPTIONAL = ['tryAppend', 'decide', 'subscribe', 'snapshot'] as const;

export const capabilities = streamSuite('capabilities', [], (fact, { claims }) => {
  const claimed = OPTIONAL.filter((name) => claims[name]);
  const others = OPTIONAL.filter((name) => !claims[name]);

  fact(`what is claimed is there: ${claimed.join(', ') || 'nothing'}`, async (bench) => {
    const stream = await bench.open();
    for (const name of claimed) assert.equal(typeof stream[name], 'function', `there is no ${name}`);
  });

  if (others.length === 0) return;
  fact(`what is not claimed is not there: ${others.join(', ')}`, async (bench) => {
    const stream = await bench.open();
    for (const name of others) assert.equal(stream[name], undefined, `${name} is there, and not claimed`);
  });
});
