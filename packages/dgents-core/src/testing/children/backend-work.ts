/** What children do with a backend. */
import assert from 'node:assert/strict';
import type { Append, Backend, Head } from '../../backend.js';
import { recordOperations } from '../support/recorded-operations.js';
import { appendOf, commitOne, record as newRecord } from '../support/records.js';
import type { Job, KillPoint } from './jobs.js';
import { dieSoon, theEnd } from './kill.js';
import { knownAppend, knownCheckpoint } from './known-log.js';
import { tell, told } from './messages.js';

type Open = () => Promise<Backend>;
type Work<Name extends Job['do']> = Extract<Job, { readonly do: Name }>;

export async function count(open: Open, { keys, times }: Work<'count'>): Promise<void> {
  tell({ ready: true });
  await told();
  const backend = await open();
  const wins: [key: string, version: number, id: string][] = [];
  for (let i = 0; i < times; i++) {
    for (const key of keys) {
      const { version, id } = await addOne(backend, key);
      wins.push([key, version, id]);
    }
  }
  await backend.close();
  tell({ wins });
}

/** Compares and sets until it succeeds. */
async function addOne(backend: Backend, key: string): Promise<Head> {
  for (;;) {
    const { head, records } = await backend.read(key);
    const found = records.at(-1);
    const next = { count: found === undefined ? 1 : (JSON.parse(found.data) as { count: number }).count + 1 };
    const append = appendOf(
      key,
      head,
      newRecord((head?.version ?? 0) + 1, 'set', { data: JSON.stringify(next) }),
    );
    const result = await commitOne(backend, append);
    if (result.ok) return result.head;
  }
}

export async function record(open: Open, { key, client, times }: Work<'record'>): Promise<void> {
  const backend = await open();
  await backend.read(key);
  tell({ ready: true });
  await told();
  const operations = await recordOperations(backend, key, client, times);
  await backend.close();
  tell({ operations });
}

/** How many versions a writer that trims keeps at least. */
const KEPT = 20;

export async function write(open: Open, { key, trims, tellsSent, kill }: Work<'write'>): Promise<void> {
  const backend = await open();
  let { head } = await backend.read(key);
  tell({ found: head?.version ?? 0 });
  const ends: Head[] = [];
  for (let n = 1; ; n++) {
    const mine = kill?.append === n ? kill : undefined;
    const next = knownAppend(key, head);
    if (tellsSent) tell({ sent: next });
    head = await commit(backend, next, mine);
    tell({ acked: head.version });
    ends.push(head);
    if (mine?.at === 'acknowledged') dieSoon(mine);
    if (mine !== undefined) await dieBusy(backend, key, head, mine);
    if (trims && ends.length * 2 > KEPT) {
      await backend.checkpoint(key, knownCheckpoint(head));
      await backend.trim(key, knownCheckpoint(ends.shift() as Head));
    }
  }
}

async function commit(backend: Backend, append: Append, kill: KillPoint | undefined): Promise<Head> {
  const answer = backend.commit([append]);
  if (kill?.at === 'called' || kill?.at === 'microtasks' || kill?.at === 'turns') dieSoon(kill);
  const [result] = await answer;
  assert.ok(result?.ok, `an append of the only writer was refused: ${JSON.stringify(result)}`);
  return result.head;
}

/** Dies while the backend closes, trims or takes a checkpoint. */
async function dieBusy(backend: Backend, key: string, head: Head, kill: KillPoint): Promise<void> {
  const ignored = (work: Promise<unknown>): void => void work.catch(() => undefined);
  if (kill.at === 'closing') {
    ignored(backend.commit([knownAppend(key, head)]));
    ignored(backend.close());
  } else if (kill.at === 'trimming') ignored(backend.trim(key, knownCheckpoint(head)));
  else if (kill.at === 'checkpointing') ignored(backend.checkpoint(key, knownCheckpoint(head)));
  else return;
  dieSoon(kill);
  await theEnd();
}

export async function idle(open: Open, { key }: Work<'idle'>): Promise<void> {
  const backend = await open();
  const { head } = await backend.read(key);
  await commitOne(backend, knownAppend(key, head));
  await backend.read(key);
  tell({ read: true });
}
