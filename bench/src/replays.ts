/** Loads of long streams, beside bare loops over the same events. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Backend, FileBackend, MemoryBackend, Store } from 'dgents-core';
import { SqliteBackend } from 'dgents-sql';
import { defineStream, StreamAgent } from 'dgents-stream';
import { type Moved, moved, NO_TOTAL, type Total, total } from './events.js';
import { fill, inWorker, KEY, ledgers } from './long-stream.js';
import { type Contender, each, interleaved } from './measure.js';
import { inFolder } from './places.js';
import { projection } from './projections.js';
import type { Block } from './report.js';
import type { Effort } from './suite.js';

const totals = defineStream<Moved, Total>({ initial: () => NO_TOTAL, fold: total, snapshots: false });

export async function* replays(effort: Effort): AsyncGenerator<Block> {
  yield await fromMemory(effort);
  yield await inFolder((folder) => fromFile(effort, folder));
  yield await inFolder((folder) => snapshotOnFile(effort, folder));
  yield await inFolder((folder) => snapshotOnSqlite(effort, folder));
  yield await projection(effort);
}

async function fromMemory({ quick, progress }: Effort): Promise<Block> {
  const name = 'streams-replay-memory';
  const count = 100_000;
  const backend = new MemoryBackend();
  const kept = new StreamAgent(new Store(backend), KEY, totals);
  for (let at = 0; at < count; at += 1_000) {
    await kept.append(Array.from({ length: 1_000 }, (_, i) => moved(at + i)));
  }
  const events: Moved[] = [];
  for await (const { event } of kept.events()) events.push(event);
  const contenders = {
    'bare fold': () => each(1, () => sure(folded(events), count)),
    'first load of a store': () =>
      each(1, async () => sure(await new StreamAgent(new Store(backend), KEY, totals).load(), count)),
    'replay on an agent in use': () => each(1, async () => sure(await kept.replayTo(count), count)),
  };
  return {
    name,
    title: `${count.toLocaleString('en')} events folded from memory, without a snapshot`,
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: [
      { of: 'first load of a store', to: 'bare fold', least: 0.5 },
      { of: 'replay on an agent in use', to: 'bare fold', least: 0.5 },
    ],
  };
}

function folded(events: readonly Moved[]): Total {
  let state = totals.initial();
  for (const event of events) state = total(state, event);
  return state;
}

async function fromFile({ quick, progress }: Effort, folder: string): Promise<Block> {
  const name = 'streams-replay-file';
  const count = 100_000;
  const open = () => new FileBackend({ path: folder, durability: 'process' });
  await fill(open(), count);
  const path = join(folder, readdirSync(folder)[0]!);
  const contenders = {
    'read, JSON.parse a line, fold': () => each(1, () => sure(foldedLines(path), count)),
    'first load': () => each(1, async () => sure(await firstLoad(open(), totals), count)),
  };
  return {
    name,
    title: `${count.toLocaleString('en')} events folded from a journal, without a snapshot`,
    times: await interleaved(contenders, quick ? 10 : 40, progress(name)),
    comparisons: [{ of: 'first load', to: 'read, JSON.parse a line, fold', least: 0.5 }],
  };
}

/** As a script would that trusts the file: the last element of each line is the event. */
function foldedLines(path: string): Total {
  let state = totals.initial();
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  for (const line of lines) state = total(state, JSON.parse(line).at(-1));
  return state;
}

async function snapshotOnFile(effort: Effort, folder: string): Promise<Block> {
  const open = () => new FileBackend({ path: folder, durability: 'process' });
  const text = await inWorker({ kind: 'file', path: folder, count: length(effort) });
  const path = join(folder, 'snapshot.json');
  writeFileSync(path, text);
  return snapshotted('file', effort, text, {
    'read and JSON.parse the snapshot': () => each(1, () => JSON.parse(readFileSync(path, 'utf8'))),
    'first load': () => each(1, () => firstLoad(open(), ledgers)),
    'first load, frozen': () => each(1, () => firstLoad(open(), ledgers, true)),
  });
}

/** Everyone's connection is open: opening a database is no part of reading it. */
async function snapshotOnSqlite(effort: Effort, folder: string): Promise<Block> {
  const path = join(folder, 'dgents.db');
  const text = await inWorker({ kind: 'sqlite', path, count: length(effort) });
  const backend = new SqliteBackend({ path, durability: 'process' });
  const raw = new Database(join(folder, 'raw.db'));
  raw.exec('CREATE TABLE snapshots (key TEXT PRIMARY KEY, data TEXT NOT NULL)');
  raw.prepare('INSERT INTO snapshots VALUES (?, ?)').run(KEY, text);
  const select = raw.prepare<[string], { data: string }>('SELECT data FROM snapshots WHERE key = ?');
  const load = (frozen: boolean) => new StreamAgent(new Store(backend), KEY, ledgers).load({ frozen });
  try {
    return await snapshotted('sqlite', effort, text, {
      'SELECT and JSON.parse the snapshot': () => each(1, () => JSON.parse(select.get(KEY)!.data)),
      'first load': () => each(1, () => load(false)),
      'first load, frozen': () => each(1, () => load(true)),
    });
  } finally {
    await backend.close();
    raw.close();
  }
}

const length = ({ quick }: Effort) => (quick ? 100_000 : 1_000_000);

async function snapshotted(
  where: string,
  effort: Effort,
  text: string,
  contenders: Readonly<Record<string, Contender>>,
): Promise<Block> {
  const name = `streams-snapshot-${where}`;
  const [raw = ''] = Object.keys(contenders);
  return {
    name,
    title: `load of ${length(effort).toLocaleString('en')} events with a snapshot at the last one`,
    times: await interleaved(contenders, effort.quick ? 20 : 60, effort.progress(name)),
    comparisons: [
      { of: 'first load', to: raw, most: 3 },
      { of: 'first load, frozen', to: raw, most: 3 },
    ],
    counts: [{ name: 'the snapshot', value: text.length / 1e6, unit: 'MB' }],
  };
}

async function firstLoad<S>(
  backend: Backend,
  definition: ConstructorParameters<typeof StreamAgent<Moved, S>>[2],
  frozen = false,
): Promise<S> {
  const store = new Store(backend);
  const state = await new StreamAgent(store, KEY, definition).load({ frozen });
  await store.close();
  return state as S;
}

/** A contender that folds too little would win. */
function sure(state: Total, count: number): void {
  if (state.movements !== count) throw new RangeError(`${state.movements} events were folded, not ${count}`);
}
