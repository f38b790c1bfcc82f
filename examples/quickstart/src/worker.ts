/** The child process: opens the store, looks how far it has come, and reads on. It is killed without warning. */
import { openStore } from 'dgents-core';
import { readAddresses } from './agent/addresses.js';
import { KEY, readAddress, reader } from './agent/reader.js';

/** What the child tells its parent, for the show only: nothing of it is needed to go on after a kill. */
export type Message =
  | { readonly kind: 'started'; readonly read: number; readonly version: number }
  | { readonly kind: 'read'; readonly read: number; readonly version: number; readonly ms: number };

export async function work(url: string, limit: number): Promise<void> {
  process.once('disconnect', () => process.exit()); // the parent is gone
  process.channel?.unref(); // waiting for that keeps nobody up
  await using store = await openStore(url);
  await using agent = store.agent(KEY, reader);

  const { state, version } = await agent.read();
  let [read, seen] = [state.log.length, version]; // where it was: the state tells, and nothing else
  tell({ kind: 'started', read, version });
  for (const address of readAddresses(limit).slice(read)) {
    const start = performance.now();
    seen = (await readAddress(agent, address, seen)).version;
    read += 1;
    tell({ kind: 'read', read, version: seen, ms: performance.now() - start });
  }
}

function tell(message: Message): void {
  process.send?.(message);
}
