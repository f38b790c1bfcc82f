/** A conversation of a thousand turns of 400 B, saved and read back every turn, beside what others keep it with. */
import { join } from 'node:path';
import KeyvSqlite from '@keyv/sqlite';
import { type BaseCheckpointSaver, emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import { type StateAgent, Store } from 'dgents-core';
import { PostgresBackend, SqliteBackend } from 'dgents-sql';
import Keyv from 'keyv';
import { each, shuffled, summary } from './measure.js';
import { bytesIn, inDatabase, inFolder, poolOf } from './places.js';
import type { Block, Comparison, Count } from './report.js';
import { type Conversation, message } from './states.js';
import type { Effort } from './suite.js';

/** Turns around the marks that are measured; of the others only the bytes count. */
const WIDTH = 50;

/** One turn: the message is added and saved, and the conversation read back. */
type Turn = (index: number) => Promise<unknown>;

const initial = (): Conversation => ({ messages: [] });

function ours(agent: StateAgent<Conversation>, frozen: boolean): Turn {
  return async (index) => {
    await agent.update((draft) => void draft.messages.push(message(index)));
    return frozen ? agent.load({ frozen: true }) : agent.load();
  };
}

/** As a graph with one channel saves it: the whole of it after every step, and a reference to the step before. */
function langGraph(saver: BaseCheckpointSaver): Turn {
  let config = { configurable: { thread_id: 'conversation', checkpoint_ns: '' } };
  const { messages } = initial();
  return async (index) => {
    messages.push(message(index));
    const checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(index),
      channel_values: { messages },
      channel_versions: { messages: index },
    };
    const metadata = { source: 'loop' as const, step: index, parents: {} };
    config = (await saver.put(config, checkpoint, metadata, { messages: index })) as typeof config;
    return saver.getTuple({ configurable: { thread_id: 'conversation', checkpoint_ns: '' } });
  };
}

/** The last state only. */
function keyv(store: Keyv<Conversation>): Turn {
  const state = initial();
  return async (index) => {
    state.messages.push(message(index));
    await store.set('conversation', state);
    return store.get('conversation');
  };
}

/**
 * Everyone takes a stretch of turns before anyone takes the next one. Turn by turn, who syncs would wait for what the
 * others have written and not synced: the journal of a file system is for all of its files.
 */
async function converse(
  turns: Readonly<Record<string, Turn>>,
  marks: readonly number[],
  progress: (share: number) => void,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>();
  const last = marks.at(-1)!;
  for (let first = 1; first <= last; first += WIDTH) {
    const mark = marks.find((each) => each === first + WIDTH - 1);
    for (const [name, turn] of shuffled(Object.entries(turns))) {
      const taken: number[] = [];
      for (let index = first; index < first + WIDTH; index++) taken.push(await each(1, () => turn(index)));
      if (mark !== undefined) times.set(at(name, mark), taken);
    }
    progress(first / last);
  }
  return times;
}

const at = (name: string, mark: number) => `${name}, turn ${mark}`;

function comparisons(peers: readonly string[], mark: number): Comparison[] {
  return [
    { of: at('dgents', mark), to: at(peers[0]!, mark), least: 20 },
    { of: at('dgents, copied out', mark), to: at(peers[0]!, mark), least: 10 },
    ...peers.slice(1).map((peer) => ({ of: at('dgents', mark), to: at(peer, mark), least: 1 })),
  ];
}

/** How much longer the last turn takes than an early one: nothing is to grow with the history but the disk. */
function growth(
  times: ReadonlyMap<string, readonly number[]>,
  name: string,
  marks: readonly number[],
): Count {
  const [early = 0, late = 0] = marks;
  const median = (mark: number) => summary(times.get(at(name, mark)) ?? []).median;
  return {
    name: `${at(name, late)} : turn ${early}`,
    value: median(late) / median(early),
    unit: 'times as long',
    ...(name === 'dgents' && { most: 1.3 }),
  };
}

function sizes(bytes: Readonly<Record<string, number>>, peer: string): Count[] {
  const own = bytes['dgents']!;
  const each = Object.entries(bytes).map(([name, value]) => ({
    name: `${name} on disk`,
    value: value / 1e6,
    unit: 'MB',
  }));
  return [
    ...each,
    { name: `${peer} : dgents on disk`, value: bytes[peer]! / own, unit: 'times as large', least: 300 },
  ];
}

export async function* conversation(effort: Effort): AsyncGenerator<Block> {
  const marks = effort.quick ? [100, 200] : [100, 1_000];
  yield await inFolder((folder) => onSqlite(folder, marks, effort));
  const measured = await inDatabase((url) => onPostgres(url, marks, effort));
  if (measured !== undefined) yield measured;
  else process.stderr.write('conversation-postgres: no server answers; set DATABASE_URL\n');
}

async function onSqlite(folder: string, marks: readonly number[], effort: Effort): Promise<Block> {
  const name = 'conversation-sqlite';
  const file = (own: string) => join(folder, `${own}.db`);
  const frozen = new Store(new SqliteBackend({ path: file('dgents') }));
  const copied = new Store(new SqliteBackend({ path: file('copied') }));
  const lighter = new Store(new SqliteBackend({ path: file('lighter'), durability: 'process' }));
  const saver = SqliteSaver.fromConnString(file('langgraph'));
  const adapter = new KeyvSqlite(`sqlite://${file('keyv')}`);
  const store = new Keyv<Conversation>({ store: adapter });
  const times = await converse(
    {
      dgents: ours(frozen.agent<Conversation>('conversation', { initial }), true),
      'dgents, copied out': ours(copied.agent<Conversation>('conversation', { initial }), false),
      'dgents, no more durable than the others': ours(
        lighter.agent<Conversation>('conversation', { initial }),
        true,
      ),
      'LangGraph SqliteSaver': langGraph(saver),
      'keyv-sqlite, no history': keyv(store),
    },
    marks,
    effort.progress(name),
  );
  await frozen.close();
  await copied.close();
  await lighter.close();
  saver.db.close();
  await store.disconnect();
  const bytes = { dgents: bytesIn(folder, 'dgents'), 'LangGraph SqliteSaver': bytesIn(folder, 'langgraph') };
  return {
    name,
    title: `${marks.at(-1)!.toLocaleString('en')} turns of 400 B, saved and read back; µs a turn`,
    times,
    comparisons: [
      ...comparisons(['LangGraph SqliteSaver', 'keyv-sqlite, no history'], marks.at(-1)!),
      {
        of: at('dgents, no more durable than the others', marks.at(-1)!),
        to: at('LangGraph SqliteSaver', marks.at(-1)!),
        least: 20,
      },
    ],
    counts: [
      growth(times, 'dgents', marks),
      growth(times, 'LangGraph SqliteSaver', marks),
      ...sizes(bytes, 'LangGraph SqliteSaver'),
    ],
    notes: [
      'dgents syncs every turn (FULL); the savers of the others leave SQLite at NORMAL or at its default',
    ],
  };
}

async function onPostgres(url: string, marks: readonly number[], effort: Effort): Promise<Block> {
  const name = 'conversation-postgres';
  const pool = poolOf(url, 2);
  const saver = new PostgresSaver(pool, undefined, { schema: 'langgraph' });
  await saver.setup();
  const frozen = new Store(new PostgresBackend({ connectionString: url, schema: 'dgents' }));
  const copied = new Store(new PostgresBackend({ connectionString: url, schema: 'copied' }));
  const times = await converse(
    {
      dgents: ours(frozen.agent<Conversation>('conversation', { initial }), true),
      'dgents, copied out': ours(copied.agent<Conversation>('conversation', { initial }), false),
      'LangGraph PostgresSaver': langGraph(saver),
    },
    marks,
    effort.progress(name),
  );
  const { rows } = await pool.query<{ schema: string; bytes: string }>(
    `SELECT schemaname AS schema, sum(pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)) AS bytes
     FROM pg_tables GROUP BY schemaname`,
  );
  const bytesOf = (schema: string) => Number(rows.find((row) => row.schema === schema)?.bytes);
  await frozen.close();
  await copied.close();
  await pool.end();
  return {
    name,
    title: `${marks.at(-1)!.toLocaleString('en')} turns of 400 B, saved and read back; µs a turn`,
    times,
    comparisons: comparisons(['LangGraph PostgresSaver'], marks.at(-1)!),
    counts: [
      growth(times, 'dgents', marks),
      growth(times, 'LangGraph PostgresSaver', marks),
      ...sizes(
        { dgents: bytesOf('dgents'), 'LangGraph PostgresSaver': bytesOf('langgraph') },
        'LangGraph PostgresSaver',
      ),
    ],
  };
}
