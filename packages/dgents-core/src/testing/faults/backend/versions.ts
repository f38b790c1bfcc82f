import type { Append, Backend, CommitResult, Head } from '../../../backend.js';
import { StateConflictError } from '../../../errors.js';
import { record } from '../../support/records.js';
import { backendFault, type Room } from '../spoiled-backend.js';
import { copyOf } from '../through.js';

/** The same append after another head. */
export function after(head: Head | null, append: Append): Append {
  const before = head?.version ?? 0;
  return {
    ...append,
    expected: head,
    records: append.records.map((record, i) => ({ ...copyOf(record), version: before + i + 1 })),
  };
}

/** Gives each append that conflicts another answer. */
export async function answering(
  inner: Backend,
  appends: readonly Append[],
  answer: (append: Append, head: Head | null) => Promise<CommitResult>,
  atomic = false,
): Promise<CommitResult[]> {
  const results = await inner.commit(appends, { atomic });
  const answers: CommitResult[] = [];
  for (const [i, result] of results.entries()) {
    answers.push(result.ok ? result : await answer(appends[i]!, result.head));
  }
  return answers;
}

/** Removes a log with its numbering, as nothing but a time to live can. */
export async function forget(inner: Backend, key: string, room: Room<unknown>): Promise<void> {
  const { head } = await inner.read(key, { limit: 0 });
  await inner.commit([after(head, { key, expected: head, records: [record(1, 'tombstone')], ttlMs: 1 })]);
  room.ahead += 2;
}

export const versionFaults = [
  backendFault({
    name: 'no version check: the last writer wins',
    breaks: 'versions',
    caughtBy: 'a conflict is a result with the actual head, and writes nothing',
    like: 'SET of Redis, PUT without If-Match, most key-value adapters',
    spoil: (inner) => ({
      commit: (appends, options) =>
        options?.atomic
          ? inner.commit(appends, options)
          : answering(inner, appends, async (append, head) => {
              const [forced] = await inner.commit([after(head, append)]);
              return forced!;
            }),
    }),
  }),
  backendFault({
    name: 'compares the version but not the id',
    breaks: 'versions',
    caughtBy: 'the id of the head is compared, not its version alone',
    like: '`UPDATE … WHERE version = ?`: right until a backup is restored',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async (append, head) =>
            head?.version === append.expected?.version
              ? (await inner.commit([{ ...append, expected: head }]))[0]!
              : { ok: false, head },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'compares the id but not the version',
    breaks: 'versions',
    caughtBy: 'the version of the head is compared, not its id alone',
    like: 'an ETag, and numbers that are given out beside it',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async (append, head) =>
            head !== null && head.id === append.expected?.id
              ? (await inner.commit([after(head, append)]))[0]!
              : { ok: false, head },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'a version is used again after a deletion',
    breaks: 'versions',
    caughtBy: 'numbering goes on after a tombstone, which nobody may take for nothing',
    like: 'rows that are really deleted; keys of Redis; MongoDB documents made anew',
    spoil: (inner, _, room) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async (append, head) => {
            if (append.expected !== null || !head?.deleted) return { ok: false, head };
            await forget(inner, append.key, room);
            return (await inner.commit([append]))[0]!;
          },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'an append to a log that is gone begins it anew',
    breaks: 'versions',
    caughtBy: 'an append to a log that is not there conflicts with null',
    like: 'an upsert where an update was meant',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async (append, head) =>
            head === null ? (await inner.commit([after(null, append)]))[0]! : { ok: false, head },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'an overwrite with an equal state is silently ignored',
    breaks: 'versions',
    caughtBy: 'an append that changes nothing is a version of its own',
    like: '`ON CONFLICT … WHERE excluded.data IS DISTINCT FROM data`; INSERT OR IGNORE',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const [only] = appends;
        if (appends.length === 1 && only!.expected !== null && only!.records[0]!.kind === 'set') {
          const { head, records } = await inner.read(only!.key);
          const last = records.at(-1);
          const equal = last?.kind === 'set' && last.data === only!.records[0]!.data;
          if (equal && head!.id === only!.expected.id) return [{ ok: true, head: head!, replayed: false }];
        }
        return inner.commit(appends, options);
      },
    }),
  }),
  backendFault({
    name: 'a conflict is thrown',
    breaks: 'versions',
    caughtBy:
      'who expects nothing where there is something conflicts, also when it is trying again and again',
    like: 'a driver whose unique violation nobody catches',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async ({ key, expected }, head) => {
            const nothing = { version: 0, id: '', at: 0 };
            throw new StateConflictError('conflict', {
              key,
              expected: expected ?? nothing,
              actual: head ?? nothing,
            });
          },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'a conflict comes with the head that the writer expected',
    breaks: 'versions',
    caughtBy: 'whatever is expected, an append is taken exactly when that is the head',
    like: 'an answer made from the request: the writer retries for ever',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async ({ expected }, head) => ({ ok: false, head: head && expected ? expected : head }),
          options?.atomic,
        ),
    }),
  }),
];
