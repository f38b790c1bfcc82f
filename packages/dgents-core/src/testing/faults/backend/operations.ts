import type { Append, Backend, CommitResult } from '../../../backend.js';
import { all } from '../../support/records.js';
import { backendFault } from '../spoiled-backend.js';
import { after, answering } from './versions.js';

/** Gives the result of each append that had happened before another turn. */
async function replaying(
  inner: Backend,
  appends: readonly Append[],
  options: { readonly atomic?: boolean } | undefined,
  answer: (append: Append, result: CommitResult & { readonly ok: true }) => Promise<CommitResult>,
): Promise<CommitResult[]> {
  const results = await inner.commit(appends, options);
  return Promise.all(
    results.map((result, i) => (result.ok && result.replayed ? answer(appends[i]!, result) : result)),
  );
}

export const operationFaults = [
  backendFault({
    name: 'applies an append that was sent twice, twice',
    breaks: 'operations',
    caughtBy: 'an append that is sent again happens once, and says so',
    like: 'ioredis sends a command again after a lost connection: one INCR counts 2',
    spoil: (inner) => ({
      commit: (appends, options) =>
        replaying(inner, appends, options, async (append) => {
          const { head } = await inner.read(append.key, { limit: 0 });
          const again = after(head, append);
          return (await inner.commit([again]))[0]!;
        }),
    }),
  }),
  backendFault({
    name: 'tells a winner that it lost',
    breaks: 'operations',
    caughtBy: 'a winner that asks again is told that it won, and the losers that they lost',
    like: 'a compare-and-set that the driver repeats: the second one conflicts with the first',
    spoil: (inner) => ({
      commit: (appends, options) =>
        replaying(inner, appends, options, async ({ key }) => ({
          ok: false,
          head: (await inner.read(key, { limit: 0 })).head,
        })),
    }),
  }),
  backendFault({
    name: 'a replay is told the newest head, not its own',
    breaks: 'operations',
    caughtBy: 'a replay gives the head that its append made, also when others have followed',
    like: '`RETURNING` after the fact: the writer then overwrites what it never saw',
    spoil: (inner) => ({
      commit: (appends, options) =>
        replaying(inner, appends, options, async ({ key }) => ({
          ok: true,
          replayed: true,
          head: (await inner.read(key, { limit: 0 })).head!,
        })),
    }),
  }),
  backendFault({
    name: 'a replay does not say that it is one',
    breaks: 'operations',
    caughtBy: 'an append that is sent twice at once happens once',
    like: '`ON CONFLICT DO NOTHING`, and the row count unread',
    spoil: (inner) => ({
      commit: (appends, options) =>
        replaying(inner, appends, options, async (_, result) => ({ ...result, replayed: false })),
    }),
  }),
  backendFault({
    name: 'takes an append for a replay by its last id alone',
    breaks: 'operations',
    caughtBy: 'an append of several records is recognised by its first id, not by its last alone',
    like: 'one request id per row',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async ({ key, records }, head) => {
            const { version, id, at, kind } = records.at(-1)!;
            const [there] = await all(inner.range(key, { from: version, to: version }));
            if (there?.id !== id) return { ok: false, head };
            return { ok: true, replayed: true, head: { version, id, at, deleted: kind === 'tombstone' } };
          },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'an append that was made before is known by its id wherever that stands',
    breaks: 'operations',
    caughtBy: 'another operation directly after `expected` is a conflict, whatever follows it',
    like: 'a set of request ids: another operation directly after `expected` goes unnoticed',
    spoil: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async ({ key, records }, head) => {
            const [first] = records;
            const version = (await inner.find!(key, [first!.id])).get(first!.id);
            if (version === undefined || records.length > 1 || head === null) return { ok: false, head };
            return { ok: true, replayed: true, head: { ...head, version, id: first!.id } };
          },
          options?.atomic,
        ),
    }),
  }),
  backendFault({
    name: 'a replay is no longer known once its record is the base',
    breaks: 'operations',
    caughtBy: 'an append that became the base is recognised',
    like: 'ids that go with the rows',
    spoil: (inner) => ({
      commit: (appends, options) =>
        replaying(inner, appends, options, async ({ key, records }, result) => {
          const { floor, head } = await inner.read(key, { limit: 0 });
          return floor > 1 && records.at(-1)!.version === floor ? { ok: false, head } : result;
        }),
    }),
  }),
  backendFault({
    name: 'finds an operation of another key',
    breaks: 'operations',
    caughtBy: 'an id is found in its own log only',
    like: 'an index on the id without the key',
    shared: () => new Map<string, number>(),
    spoil: (inner, versions) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        for (const [i, { ok }] of results.entries()) {
          if (ok) for (const { id, version } of appends[i]!.records) versions.set(id, version);
        }
        return results;
      },
      find: async (key, ids) => {
        const found = new Map(await inner.find!(key, ids));
        const { head } = await inner.read(key, { limit: 0 });
        if (head !== null && head.version > 1) return found;
        for (const id of ids) {
          const version = versions.get(id);
          if (version !== undefined && !found.has(id)) found.set(id, version);
        }
        return found;
      },
    }),
  }),
  backendFault({
    name: 'finds only what the same handle has written',
    breaks: 'operations',
    caughtBy: 'an id that another handle has written is found',
    like: 'a map of recent requests in the memory of one process',
    spoil: (inner) => {
      const written = new Set<string>();
      return {
        commit: (appends, options) => {
          for (const { records } of appends) for (const { id } of records) written.add(id);
          return inner.commit(appends, options);
        },
        find: (key, ids) =>
          inner.find!(
            key,
            ids.filter((id) => written.has(id)),
          ),
      };
    },
  }),
  backendFault({
    name: 'finds an operation a version too early',
    breaks: 'operations',
    caughtBy: 'ids that are kept are found at their versions, others are absent',
    like: 'indexes that begin at 0',
    spoil: (inner) => ({
      find: async (key, ids) =>
        new Map([...(await inner.find!(key, ids))].map(([id, version]) => [id, version - 1])),
    }),
  }),
  backendFault({
    name: 'a replay is known for 150 versions',
    breaks: 'operations',
    caughtBy: 'an append that is sent again is recognised, however many have followed',
    like: 'a window of recent request ids, where the log itself would know',
    spoil: (inner) => ({
      commit: (appends, options) =>
        replaying(inner, appends, options, async ({ key }, result) => {
          const { head } = await inner.read(key, { limit: 0 });
          return head!.version - result.head.version < 150 ? result : { ok: false, head };
        }),
    }),
  }),
  backendFault({
    name: 'operations are found for 150 versions, though all are claimed',
    breaks: 'operations',
    caughtBy: 'the oldest id that is claimed to be known is found by itself',
    like: 'a capped collection; a Bloom filter of the recent past',
    spoil: (inner) => ({
      find: async (key, ids) => {
        const newest = (await inner.read(key, { limit: 0 })).head?.version ?? 0;
        const found = await inner.find!(key, ids);
        return new Map([...found].filter(([, version]) => version > newest - 150));
      },
    }),
  }),
  backendFault({
    name: 'of many ids only the first are looked up',
    breaks: 'operations',
    caughtBy: 'ids are found as far back as is claimed, and as many at once',
    like: '`IN (?, …)` with 500 places; 100 keys in a BatchGetItem of DynamoDB',
    spoil: (inner) => ({ find: (key, ids) => inner.find!(key, ids.slice(0, 500)) }),
  }),
  backendFault({
    name: 'an id that records share is forgotten with the first of them',
    breaks: 'operations',
    caughtBy: 'an id that records share is found as long as one of them is kept',
    like: 'a row for each id, deleted with the records of a trim',
    shared: () => new Set<string>(),
    spoil: (inner, gone) => ({
      trim: async (key, base) => {
        const before = await all(inner.range(key, { to: base.version - 1 }));
        await inner.trim(key, base);
        const { floor } = await inner.read(key, { limit: 0 });
        if (floor === base.version) for (const { id } of before) gone.add(`${key}\0${id}`);
      },
      find: async (key, ids) =>
        inner.find!(
          key,
          ids.filter((id) => !gone.has(`${key}\0${id}`)),
        ),
    }),
  }),
  backendFault({
    name: 'an id that was not there is remembered as not there',
    breaks: 'operations',
    caughtBy: 'an id that was not there is found once it is',
    like: 'a negative cache',
    spoil: (inner) => {
      const absent = new Set<string>();
      return {
        find: async (key, ids) => {
          const found = new Map(await inner.find!(key, ids));
          for (const id of ids) {
            const entry = `${key}\0${id}`;
            if (absent.has(entry)) found.delete(id);
            else if (!found.has(id)) absent.add(entry);
          }
          return found;
        },
      };
    },
  }),
];
