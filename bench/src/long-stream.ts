/** Makes a long stream with a snapshot at its end, in a thread of its own: who measures has not read all of it before. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Backend, FileBackend, type Head, type LogRecord, Store } from 'dgents-core';
import { SqliteBackend } from 'dgents-sql';
import { defineStream, StreamAgent } from 'dgents-stream';
import { entered, type Ledger, type Moved, moved, openedLedger } from './events.js';

export const KEY = 'ledger';

/** Setting up, and no more: a million events are read once to make their snapshot. */
const PATIENT = { timeoutMs: 600_000 };

export const ledgers = defineStream<Moved, Ledger>({
  initial: openedLedger,
  fold: entered,
  snapshots: false,
});

interface LongStream {
  readonly kind: 'file' | 'sqlite';
  readonly path: string;
  readonly count: number;
}

/** @returns the text of the snapshot */
export function inWorker(stream: LongStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: stream });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function make({ kind, path, count }: LongStream): Promise<string> {
  const options = { path, durability: 'process' } as const;
  const backend = kind === 'file' ? new FileBackend(options) : new SqliteBackend(options);
  await append(backend, count);
  await new StreamAgent(new Store(backend), KEY, ledgers, PATIENT).snapshot(PATIENT);
  const { checkpoint, records } = await backend.read(KEY, PATIENT);
  await backend.close();
  if (typeof checkpoint?.data !== 'string' || records.length > 0)
    throw new RangeError('no snapshot was kept');
  return checkpoint.data;
}

/** So many events, and nothing else. Closes the backend. */
export async function fill(backend: Backend, count: number): Promise<void> {
  await append(backend, count);
  await backend.close();
}

/** Many in an append, through the port: agents would fold them all. */
async function append(backend: Backend, count: number): Promise<void> {
  let expected: Head | null = null;
  for (let at = 0; at < count; at += 1_000) {
    const records = Array.from({ length: 1_000 }, (_, i) => record(at + i));
    const [result] = await backend.commit([{ key: KEY, expected, records }], PATIENT);
    if (!result?.ok) throw new RangeError(`the commit at ${at} was refused`);
    expected = result.head;
  }
}

function record(index: number): LogRecord {
  const data = JSON.stringify(moved(index));
  return {
    version: index + 1,
    kind: 'event',
    at: Date.now(),
    id: `append-${Math.floor(index / 1_000)}`,
    data,
  };
}

if (!isMainThread) parentPort!.postMessage(await make(workerData as LongStream));
