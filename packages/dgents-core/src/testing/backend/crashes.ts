import assert from 'node:assert/strict';
import type { Append, Backend, LogRecord, LogTail } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import type { KillPoint } from '../children/jobs.js';
import { killAt, killAtRandom, type Line } from '../children/kills.js';
import { knownAppend, nextLast, strangeness } from '../children/known-log.js';
import { withFreshPlaces } from '../children/places.js';
import { aftermath } from '../support/aftermath.js';
import { needsModule } from '../support/needs-module.js';
import { all, commitOne } from '../support/records.js';
import { WatchedBackend } from '../support/watched-backend.js';
import { backendSuite } from './suite.js';

const LONG_MS = 1_800_000;

/** From the very instruction that sent an append to long after. */
const MOMENTS: readonly KillPoint[] = [
  { append: 1, at: 'called' },
  { append: 2, at: 'called' },
  { append: 2, at: 'microtasks', count: 1 },
  { append: 2, at: 'turns', count: 1 },
  { append: 3, at: 'turns', count: 2 },
  { append: 1, at: 'turns', count: 5 },
  { append: 2, at: 'turns', count: 20 },
  { append: 2, at: 'turns', count: 100 },
];

/** Before, while and after what was sent is written. */
const SENT: readonly KillPoint[] = [
  { append: 2, at: 'called' },
  { append: 2, at: 'turns', count: 1 },
  { append: 3, at: 'turns', count: 20 },
  { append: 2, at: 'acknowledged' },
];

const ENDS: readonly KillPoint[] = [
  { append: 1, at: 'acknowledged' },
  { append: 2, at: 'acknowledged', count: 1 },
  { append: 2, at: 'closing' },
  { append: 2, at: 'closing', count: 2 },
];

const CHORES: readonly KillPoint[] = [
  { append: 9, at: 'trimming' },
  { append: 9, at: 'trimming', count: 1 },
  { append: 9, at: 'trimming', count: 3 },
  { append: 9, at: 'checkpointing', count: 1 },
];

export const crashes = backendSuite(
  'crashes',
  [
    'capabilities',
    'values',
    'isolation',
    'keys',
    'history',
    'versions',
    'operations',
    'retention',
    'lifecycle',
    'concurrency',
    'durability',
  ],
  (fact, subject) => {
    const { durability } = subject.claims;
    if (durability === 'none') {
      fact('nothing is promised to survive its process, and `ready` says so', async ({ backend }) => {
        assert.equal((await backend.ready()).durability, 'none');
      });
      return;
    }
    if (subject.importFrom === undefined) {
      needsModule(fact, `durability ${JSON.stringify(durability)}`);
      return;
    }

    const random = (name: string, { trims }: { readonly trims: boolean }): void =>
      fact(
        name,
        async (bench) => {
          for (let round = 0; round < bench.effort.times(1); round++) {
            await onLines(bench, 3, { trims }, (lines) => killAtRandom(bench.effort.seed + round, lines, 3));
          }
        },
        LONG_MS,
      );
    random(
      'a writer that is killed at any moment leaves what was acknowledged, and of the append in flight all or nothing',
      { trims: false },
    );
    random('a writer that is killed while it trims and takes checkpoints all the while leaves a whole log', {
      trims: true,
    });

    const chosen = (name: string, points: readonly KillPoint[]): void =>
      fact(
        name,
        async (bench) => {
          for (let round = 0; round < bench.effort.times(1); round++) {
            await onLines(bench, points.length, { trims: false }, (lines) => killAt(points, lines));
          }
        },
        LONG_MS,
      );
    chosen('an append whose writer dies in the moment it sends it is there whole or not at all', MOMENTS);
    chosen(
      'what was acknowledged is there when its writer dies in the same moment, or while it closes',
      ENDS,
    );
    chosen('a trim or a checkpoint whose caller dies meanwhile leaves a whole log', CHORES);
    fact(
      'an append that is sent again after its writer was killed happens once',
      (bench) => onLines(bench, SENT.length, { after: sentAgain }, (lines) => killAt(SENT, lines)),
      LONG_MS,
    );

    if (subject.claims.sharing === 'process') return;
    fact(
      'whoever has the store open when a writer in another process is killed goes on',
      async (bench) => {
        await commitOne(bench.backend, knownAppend('of somebody else', null));
        const open = async (): Promise<Backend> => bench.backend;
        await onLines(bench, MOMENTS.length, { open }, (lines) => killAt(MOMENTS, lines));
      },
      LONG_MS,
    );
  },
);

interface LineOptions {
  readonly trims?: boolean;
  /** The handle that goes on after a writer; one that is opened then, unless told. */
  readonly open?: () => Promise<Backend>;
  /** What is done after a writer. */
  readonly after?: typeof survived;
}

/**
 * Lines of writers, each on a key of its own; after each writer somebody else goes on, here in this process. Where only
 * one process at a time may open a place, each line has its own.
 */
function onLines(
  { subject, place }: BackendBench,
  count: number,
  { trims = false, open, after = survived }: LineOptions,
  work: (lines: readonly Line[]) => Promise<void>,
): Promise<void> {
  const first = lineCount;
  lineCount += count;
  const keyOf = (i: number): string => `line-${first + i}`;
  const tellsSent = after === sentAgain;
  const lineOf = (on: unknown, i: number): Line => ({
    home: { subject, place: on },
    job: (kill) => ({ do: 'write', key: keyOf(i), trims, tellsSent, ...(kill && { kill }) }),
    survived: async (acked, about, sent) => {
      if (open !== undefined) {
        const handle = await open();
        await arrived(handle, keyOf(i), acked);
        return after(handle, keyOf(i), acked, about, sent);
      }
      const backend = new WatchedBackend(await subject.open(on as never));
      await arrived(backend, keyOf(i), acked);
      return after(backend, keyOf(i), acked, about, sent).finally(() => backend.close());
    },
  });
  const arrived = (backend: Backend, key: string, acked: number): Promise<void> =>
    aftermath(subject.claims.sharing, async () => {
      const version = (await backend.read(key)).head?.version ?? 0;
      return version >= nextLast(acked);
    });
  if (subject.claims.sharing !== 'process')
    return work(Array.from({ length: count }, (_, i) => lineOf(place, i)));
  return withFreshPlaces(subject, count, (places) => work(places.map(lineOf)));
}

/** Each has a key of its own, also in the next round. */
let lineCount = 0;

async function survived(
  backend: Backend,
  key: string,
  acked: number,
  about: string,
  _sent?: unknown,
): Promise<number> {
  const tail = await backend.read(key);
  const version = tail.head?.version ?? 0;
  const inFlight = nextLast(acked);
  assert.ok(
    version === acked || version === inFlight,
    `${about}: ${acked} versions had been acknowledged and an append up to ${inFlight} was in flight; ${version} are there`,
  );
  assert.deepEqual(await wrongWith(backend, key, tail), [], about);
  const next = await commitOne(backend, knownAppend(key, tail.head));
  assert.ok(next.ok, `${about}: the next append is refused`);
  return next.head.version;
}

/** Sends again what the writer sent last, whether it was acknowledged or not: as whoever sent the writer would. */
async function sentAgain(
  backend: Backend,
  key: string,
  acked: number,
  about: string,
  sent: unknown,
): Promise<number> {
  const append = sent as Append;
  const due = append.records.at(-1) as LogRecord;
  const before = (await backend.read(key)).head?.version ?? 0;
  const result = await commitOne(backend, append);
  const told = `${about}: version ${due.version} was sent, ${acked} acknowledged, ${before} there; sent again`;
  assert.ok(result.ok, `${told}, it is refused`);
  assert.deepEqual([result.replayed, result.head.id], [before === due.version, due.id], told);
  const tail = await backend.read(key);
  assert.deepEqual([tail.head?.version, tail.head?.id], [due.version, due.id], told);
  assert.deepEqual(await wrongWith(backend, key, tail), [], told);
  return due.version;
}

/** Whether the log is whole from its floor to its head, each version with the content that it was given. */
async function wrongWith(backend: Backend, key: string, tail: LogTail): Promise<string[]> {
  const log = await all(backend.range(key));
  const problems = [...log, tail.base, tail.checkpoint].flatMap((each) => (each && strangeness(each)) ?? []);
  const first = tail.floor > 1 ? tail.floor + 1 : 1;
  const contiguous = log.every(({ version }, i) => version === first + i);
  const last = log.at(-1) ?? tail.base;
  if (!contiguous || (last?.version ?? 0) !== (tail.head?.version ?? 0)) {
    problems.push(
      `versions ${log.map(({ version }) => version).join()} are there, from ${first} to ${tail.head?.version}`,
    );
  }
  if (last?.id !== tail.head?.id) problems.push('the head is of another operation than the last record');
  return problems;
}
