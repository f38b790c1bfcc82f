/**
 * Updates counters, `updates` times each, one after the other, in turn over all keys.
 *
 * Settings: path (one file) or directory + keys; updates; waits (until told, so that all begin at once); paceMs (a
 * pause after each); durability. Tells { ready }, { acked } after each update when `tells`, then { done, errors }.
 */
import { fileBackend, PersistentAgent, Store } from 'dgents-core';
import { plainError, settings, tell, told } from './messages.mjs';

const {
  path,
  directory,
  keys = ['state'],
  updates,
  waits,
  tells,
  paceMs,
  timeoutMs = 60_000,
  durability,
} = settings;
const initial = () => ({ count: 0 });
const store = directory && new Store(fileBackend({ path: directory, durability }));
const agents = store
  ? keys.map((key) => store.agent(key, { initial, timeoutMs }))
  : [new PersistentAgent({ path, initial, timeoutMs })];

tell({ ready: true });
if (waits) await told();
const errors = [];
let done = 0;
for (let i = 0; i < updates; i++) {
  for (const agent of agents) {
    try {
      const { version } = await agent.update((draft) => {
        draft.count += 1;
      });
      done += 1;
      if (tells) tell({ acked: version });
    } catch (error) {
      errors.push(plainError(error));
      if (tells) tell({ refused: plainError(error) });
    }
    if (paceMs) await new Promise((resolve) => setTimeout(resolve, paceMs));
  }
}
tell({ done, errors });
await Promise.all(agents.map((agent) => agent.close()));
await store?.close();
