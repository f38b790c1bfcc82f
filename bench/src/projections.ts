/** An asynchronous projection, beside the plain read of the events that it is made of. */
import { join } from 'node:path';
import { type Backend, type Head, Store } from 'dgents-core';
import { SqliteBackend } from 'dgents-sql';
import { defineProjection, defineStream, forgetConsumer, ProjectionProcessor } from 'dgents-stream';
import { type Moved, moved, NO_TOTAL, type Total, total } from './events.js';
import { interleaved, together } from './measure.js';
import { inFolder } from './places.js';
import type { Block } from './report.js';
import type { Effort } from './suite.js';

const STREAMS = 20;

const EVENTS = 20_000;

const ledgers = defineStream<Moved, Total>({ initial: () => NO_TOTAL, fold: total });

export function projection({ quick, progress }: Effort): Promise<Block> {
  const name = 'streams-projection-sqlite';
  return inFolder(async (folder) => {
    const store = new Store(new SqliteBackend({ path: join(folder, 'dgents.db') }));
    try {
      for (let stream = 0; stream < STREAMS; stream++) await fill(store.backend, `ledger:${stream}`);
      let round = 0;
      const contenders = {
        'plain read of the feed': () => together(EVENTS, () => readOn(store)),
        'read model from nothing': () => projected(store, `round-${round++}`),
      };
      return {
        name,
        title: `${EVENTS.toLocaleString('en')} events in ${STREAMS} streams into one read model, 500 a commit, each synced; time for each event`,
        times: await interleaved(contenders, quick ? 10 : 40, progress(name)),
        comparisons: [{ of: 'read model from nothing', to: 'plain read of the feed', least: 0.3 }],
      };
    } finally {
      await store.close();
    }
  });
}

async function fill(backend: Backend, key: string): Promise<void> {
  let expected: Head | null = null;
  for (let at = 0; at < EVENTS / STREAMS; at += 500) {
    const records = Array.from({ length: 500 }, (_, i) => ({
      version: at + i + 1,
      kind: 'event' as const,
      at: Date.now(),
      id: `append-${at}`,
      data: JSON.stringify(moved(at + i)),
    }));
    const [result] = await backend.commit([{ key, expected, records }]);
    if (!result?.ok) throw new RangeError(`the commit to ${key} was refused`);
    expected = result.head;
  }
}

async function readOn(store: Store): Promise<void> {
  let seen = 0;
  for await (const entry of store.feed()) {
    if ('record' in entry && ++seen === EVENTS) return;
  }
}

/** A projection of its own each time, so that it begins with the first event. */
async function projected(store: Store, name: string): Promise<number> {
  const totals = defineProjection({
    name,
    streams: [{ prefix: 'ledger:', definition: ledgers }],
    initial: () => ({ cents: 0, movements: 0 }),
    on: (model, { event }) => {
      model.cents += event.data.cents;
      model.movements += 1;
    },
  });
  const processor = new ProjectionProcessor(store, totals);
  const time = await together(EVENTS, () => processor.caughtUp());
  await processor.stop();
  const { movements } = await totals.model(store).load();
  if (movements !== EVENTS) throw new RangeError(`${movements} events were projected`);
  await forgetConsumer(store, totals.id);
  return time;
}
