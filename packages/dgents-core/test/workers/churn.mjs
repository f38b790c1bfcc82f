/**
 * Opens and closes `times` agents of a few files, loads with each, and updates with some. Tells { descriptors } at the
 * end: how many were open at the beginning, at most, and at the end. Must exit by itself.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileBackend, PersistentAgent, Store } from 'dgents-core';
import { plainError, settings, tell } from './messages.mjs';

const { directory, times } = settings;
const FILES = 20;
const UPDATES_EVERY = 10;
const options = { initial: () => ({ count: 0 }), timeoutMs: 60_000 };
const open = () => readdirSync('/proc/self/fd').length;
const counts = [];
let updates = 0;

async function use(agent, i) {
  await agent.load();
  if (i % UPDATES_EVERY === 0) {
    updates += 1;
    await agent.update((draft) => {
      draft.count += 1;
    });
  }
}

try {
  const store = new Store(fileBackend({ path: join(directory, 'store'), maxOpenFiles: 8 }));
  for (let i = 0; i < times; i++) {
    const key = `agent-${i % FILES}`;
    const own = i % 3 === 0;
    const agent = own
      ? new PersistentAgent({ ...options, path: join(directory, `${key}.jsonl`) })
      : store.agent(key, options);
    await use(agent, i);
    await agent.close();
    if (i % 50 === 49) counts.push(open());
  }
  // Left open on purpose: an open agent must not keep the process alive.
  const left = new PersistentAgent({ ...options, path: join(directory, 'agent-0.jsonl') });
  await left.load();
  tell({ descriptors: counts, updates });
} catch (error) {
  tell({ failed: plainError(error) });
}
