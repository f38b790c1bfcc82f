/**
 * A store on a Postgres (`postgres`: options of the backend) in a process of its own.
 *
 * `does: 'save'`: saves `key` for each line that it is told, and tells { saved: version }; ends at 'end'.
 * `does: 'watch'`: watches `key`, tells { heard: version } once it is told of a change, and then does nothing more, with
 * the watch and the store open: it has to end by itself.
 */
import { createInterface } from 'node:readline';
import { Store } from 'dgents-core';
import { PostgresBackend } from 'dgents-sql';
import { settings, tell } from '../../../dgents-core/test/workers/messages.mjs';

const { postgres, does, key } = settings;
const backend = new PostgresBackend(postgres);
if (does === 'save') {
  const store = new Store(backend);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'end') break;
    tell({ saved: await save(store.agent(line)) });
  }
  process.stdin.destroy();
} else {
  const watching = backend.watch(key)[Symbol.asyncIterator]();
  tell({ heard: (await watching.next()).value.version });
}

/** Its connections may have been ended since the last time. */
async function save(agent, tries = 5) {
  try {
    return await agent.save({ n: Math.random() }, { expected: 'any', timeoutMs: 20_000 });
  } catch (error) {
    if (tries === 0) throw error;
    return save(agent, tries - 1);
  }
}
