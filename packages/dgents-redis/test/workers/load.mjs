/**
 * Updates a counter until it is told to stop, or `updates` times, and keeps a count of what was acknowledged, of what it
 * was told is not known, and of what was refused: the latter must not be there.
 *
 * Settings: redis (options of the backend), flows (so many at once), updates, timeoutMs, named (each update has an id of
 * its own, and is repeated under it while its outcome is not known), defaults (a client of the caller with the driver's
 * own settings, connected to this URL).
 * Tells { ready }, then { ok } or { not } after each update, then { done }. Anything that nobody handles ends it.
 */
import { newOperationId, Store } from 'dgents-core';
import { RedisBackend } from 'dgents-redis';
import { Redis } from 'ioredis';
import { plainError, settings, tell } from '../../../dgents-core/test/workers/messages.mjs';

const { redis, defaults, flows = 1, updates = Number.POSITIVE_INFINITY, named, timeoutMs = 5_000 } = settings;

const client = defaults && new Redis(defaults);
client?.on('error', () => undefined);
const store = new Store(new RedisBackend(client ? { ...redis, client } : redis), { timeoutMs });
const agent = store.agent('counter', { initial: () => ({ count: 0 }) });
const failures = {};
let [acknowledged, unknown, slowestMs, stopped] = [0, 0, 0, false];

process.stdin.setEncoding('utf8').on('data', (said) => {
  if (said.includes('stop')) stopped = true;
});
tell({ ready: true });
await Promise.all(Array.from({ length: flows }, count));
const final = (await settled()).count;
tell({ done: { acknowledged, unknown, final, failures, slowestMs: Math.round(slowestMs) } });
await store.close();
client?.disconnect();
process.stdin.destroy();

async function count() {
  for (let i = 0; i < updates && !stopped; i++) {
    const options = named ? { operationId: newOperationId() } : {};
    for (;;) {
      const outcome = await attempt(options);
      if (outcome === 'ok' || (outcome === 'unknown' && !named)) break;
      if (outcome === 'refused' && updates === Number.POSITIVE_INFINITY) break;
    }
  }
}

async function attempt(options) {
  const began = performance.now();
  try {
    await agent.update((draft) => {
      draft.count += 1;
    }, options);
    acknowledged++;
    tell({ ok: true });
    return 'ok';
  } catch (error) {
    const { name, code = name, message } = plainError(error);
    const isUnknown = code === 'DGENTS_OUTCOME_UNKNOWN';
    if (isUnknown && !named) unknown++;
    failures[code] ??= { times: 0, message };
    failures[code].times++;
    tell({ not: code });
    // A store that refuses at once is not asked a thousand times a second.
    await new Promise((resolve) => setTimeout(resolve, 5));
    return isUnknown ? 'unknown' : 'refused';
  } finally {
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
}

async function settled() {
  for (;;) {
    try {
      return await store.agent('counter', { initial: () => ({ count: 0 }) }).load();
    } catch (error) {
      if (!error.retryable) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
