/** Its places are directories, and its `keys` never come. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryBackend } from 'dgents-core';

const stores = new Map();

export const name = 'slow';
export const claims = { atomicity: 'store' };
export function create() {
  const place = mkdtempSync(join(process.env.DGENTS_TEST_FOLDER, 'place-'));
  stores.set(place, memoryBackend({ values: false }));
  return place;
}
export function open(place) {
  const { capabilities, ...backend } = methodsOf(memoryBackend({ sharing: stores.get(place) }));
  const claimed = { ...capabilities, feed: false, watch: false, ttl: false, orderedKeys: false };
  const ready = async () => claimed;
  const keys = () => {
    writeFileSync(join(process.env.DGENTS_TEST_FOLDER, 'waiting'), '');
    return {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => setInterval(() => undefined, 1_000)) }),
    };
  };
  return { ...backend, capabilities: claimed, ready, keys };
}
export const destroy = (place) => rmSync(place, { recursive: true });

function methodsOf(backend) {
  const { name: own, capabilities } = backend;
  const methods = ['read', 'commit', 'checkpoint', 'range', 'trim', 'close'];
  return {
    name: own,
    capabilities,
    ...Object.fromEntries(methods.map((each) => [each, (...args) => backend[each](...args)])),
  };
}
