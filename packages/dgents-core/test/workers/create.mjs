/**
 * Creates one key after the other in a directory store until it is killed; first checks those that must be there.
 *
 * Settings: directory, acked (so many keys were acknowledged), oldest (so many have to be there), until. Tells { verified }, then { acked }.
 */
import { isDeepStrictEqual } from 'node:util';
import { fileBackend, Store } from 'dgents-core';
import { plainError, settings, tell } from './messages.mjs';
import { message } from './scenarios.mjs';

const { directory, acked = 0, oldest = acked, until = Number.POSITIVE_INFINITY } = settings;
const store = new Store(fileBackend({ path: directory }), { timeoutMs: 20_000 });
const keyOf = (n) => `Agent/${n}`;

try {
  const found = new Set();
  const problems = [];
  for await (const { key, version } of store.keys()) {
    found.add(key);
    if (version !== 1) problems.push(`${key} has version ${version}`);
  }
  for (let n = 1; n <= oldest; n++)
    if (!found.has(keyOf(n))) problems.push(`${keyOf(n)} was acknowledged and is gone`);
  if (found.size > acked + 1) problems.push(`${found.size} keys are there, ${acked} + 1 were created`);
  for (const key of found) {
    const state = await store.agent(key).load();
    if (!isDeepStrictEqual(state, message(Number(key.slice('Agent/'.length)))))
      problems.push(`${key}: another state`);
  }
  tell({ verified: { version: found.size, floor: 1, problems } });
  for (let n = found.size + 1; n <= until; n++) {
    await store.agent(keyOf(n)).save(message(n), { expected: 0 });
    tell({ acked: n });
  }
  await store.close();
  tell({ closed: true });
} catch (error) {
  tell({ failed: plainError(error) });
}
