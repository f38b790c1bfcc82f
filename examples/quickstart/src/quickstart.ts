/** The show: read with a kill in the middle, compare, look back. */
import { isDeepStrictEqual } from 'node:util';
import { openStore, type Store, UnsupportedError, type Versioned } from 'dgents-core';
import { type Address, readAddresses } from './agent/addresses.js';
import { KEY, type Reader, reader } from './agent/reader.js';
import type { Options } from './cli.js';
import { place } from './disk.js';
import { type Cost, costs, type Travel, travelTo } from './history.js';
import { readWithoutInterruption } from './reference.js';
import { type Run, readWithInterruption, type Watcher } from './supervise.js';

/** The year to travel to. */
const PAST = 1865;

export interface Results {
  readonly addresses: number;
  readonly url: string;
  readonly run: Run;
  /** Whether the state of the run that was killed is the state of the one that was not. */
  readonly equal: boolean;
  readonly now: Versioned<Reader>;
  readonly past: Travel;
  readonly cost: Cost;
  readonly ms: { readonly reading: number; readonly total: number };
}

export interface Show extends Watcher {
  begins(url: string, addresses: readonly Address[], already: number): void;
  looksBack(): void;
  ends(results: Results): void;
  bye(url: string, kept: boolean): void;
}

/** @returns whether the two runs ended in the same state */
export async function quickstart(options: Options, show: Show, signal: AbortSignal): Promise<boolean> {
  const start = performance.now();
  const addresses = readAddresses(options.limit);
  const { url, remove } = await place(options.store);
  const kept = options.keep || options.store !== undefined;
  try {
    await using store = await openStore(url);
    refusePrivate(store);
    const agent = store.agent(KEY, reader);
    show.begins(url, addresses, (await agent.load()).log.length);

    const work = { url, total: addresses.length, limit: options.limit, signal };
    const [run, reference] = await Promise.all([
      readWithInterruption(work, show),
      readWithoutInterruption(addresses, signal),
    ]);
    const now = await agent.read(); // this process sees what the other ones wrote
    const equal = isDeepStrictEqual(now.state, await reference.agent.load());
    const reading = performance.now() - start;

    show.looksBack();
    const past = await travelTo(PAST, agent, now, reference.agent);
    const cost = await costs(store, url, reference.versionBytes);
    const ms = { reading, total: performance.now() - start };
    show.ends({ addresses: addresses.length, url, run, equal, now, past, cost, ms });
    show.bye(url, kept);
    return equal && past.equal;
  } finally {
    if (!kept) await remove();
  }
}

/** @throws UnsupportedError when another process could not see the store */
function refusePrivate(store: Store): void {
  if (store.capabilities.sharing !== 'process') return;
  throw new UnsupportedError(
    `A ${store.capabilities.backend} store lives in one process: a second one, which is to be killed and started again, ` +
      'cannot see it. Use a store that outlives a process, such as --store file:./state, or none for a temporary one.',
  );
}
