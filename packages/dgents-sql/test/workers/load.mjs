/**
 * Updates counters until it is told to stop, or `updates` times each, and keeps a count of what was acknowledged, of
 * what it was told is not known, and of what was refused: the latter must not be there.
 *
 * Settings: sqlite, pglite or postgres (options of the backend); keys; flows (so many at once on each key); updates;
 * timeoutMs; named (each update has an id of its own, and is repeated under it while its outcome is not known); pairs
 * (transactions over two keys as well); waits (until told to begin).
 * Tells { found } (the counts that are there) where `looks`, { ready }, then { ok } or { not } after each update, then { done }. Anything that nobody handles ends it.
 */
import { newOperationId, Store } from 'dgents-core';
import { PgliteBackend, PostgresBackend, SqliteBackend } from 'dgents-sql';
import { plainError, settings, tell } from '../../../dgents-core/test/workers/messages.mjs';

const { keys = ['a'], flows = 1, updates = Number.POSITIVE_INFINITY, named, pairs, waits, looks } = settings;
const { timeoutMs = 5_000, sqlite, pglite, postgres } = settings;

const store = new Store(backend(), { timeoutMs });
const initial = () => ({ count: 0 });
const agents = keys.map((key) => store.agent(key, { initial }));
/** Changed together, or not at all. */
const couple = pairs ? ['pair/1', 'pair/2'].map((key) => store.agent(key, { initial })) : [];
const all = [...agents, ...couple];
const counts = Object.fromEntries(all.map(({ key }) => [key, { acknowledged: 0, unknown: 0 }]));
const failures = {};
let slowestMs = 0;
let stopped = false;
let begin;
const begun = new Promise((resolve) => {
  begin = resolve;
});

process.stdin.setEncoding('utf8').on('data', (said) => {
  if (said.includes('go')) begin();
  if (said.includes('stop')) stopped = true;
});
const countsNow = async () =>
  Object.fromEntries(await Promise.all(all.map(async (agent) => [agent.key, (await agent.load()).count])));
if (looks) tell({ found: await countsNow() });
tell({ ready: true });
if (waits) await begun;
await Promise.all([
  ...agents.flatMap((agent) => Array.from({ length: flows }, () => count(agent))),
  ...(pairs ? [countTogether()] : []),
]);
tell({ done: { counts, final: await countsNow(), failures, slowestMs: Math.round(slowestMs) } });
await store.close();
process.stdin.destroy();

function backend() {
  if (sqlite) return new SqliteBackend(sqlite);
  return pglite ? new PgliteBackend(pglite) : new PostgresBackend(postgres);
}

async function count(agent) {
  for (let i = 0; i < updates && !stopped; i++) {
    const operationId = named ? newOperationId() : undefined;
    const options = operationId === undefined ? undefined : { operationId };
    while ((await attempt([agent], () => agent.update(countUp, options))) === 'unknown' && named);
  }
}

async function countTogether() {
  for (let i = 0; i < updates && !stopped; i++) {
    await attempt(couple, () =>
      store.transact(couple, (...drafts) => {
        for (const draft of drafts) countUp(draft);
      }),
    );
  }
}

function countUp(draft) {
  draft.count += 1;
}

async function attempt(written, work) {
  const began = performance.now();
  try {
    await work();
    for (const { key } of written) counts[key].acknowledged++;
    tell({ ok: written[0].key });
    return 'ok';
  } catch (error) {
    const { name, code = name, message } = plainError(error);
    const isUnknown = code === 'DGENTS_OUTCOME_UNKNOWN';
    if (isUnknown) for (const { key } of written) counts[key].unknown++;
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
