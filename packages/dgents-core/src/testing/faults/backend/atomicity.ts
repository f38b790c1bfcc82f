import type { Append, Backend, CommitResult, LogRecord } from '../../../backend.js';
import { checkCommit } from '../../../backend-parts/checks.js';
import { all, headOf } from '../../support/records.js';
import { joining } from '../joining.js';
import { backendFault } from '../spoiled-backend.js';
import { copyOf } from '../through.js';

export const atomicityFaults = [
  backendFault({
    name: 'claims commits over several keys, and makes one per key',
    breaks: 'atomicity',
    caughtBy: 'one conflict keeps the whole of an atomic commit from being written',
    like: 'MULTI without WATCH, MSET behind a proxy, a batch endpoint',
    spoil: (inner) => ({ commit: (appends) => inner.commit(appends) }),
  }),
  backendFault({
    name: 'one conflict takes the rest of a batch with it',
    breaks: 'atomicity',
    caughtBy: 'the appends of one commit stand by themselves unless they are asked not to',
    like: 'everything in one transaction, asked for or not',
    spoil: (inner) => ({ commit: (appends) => inner.commit(appends, { atomic: true }) }),
  }),
  backendFault({
    name: 'the records of one append become visible one by one',
    breaks: 'atomicity',
    caughtBy: 'the records of one append become visible together',
    like: 'an INSERT per row in autocommit',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const [only] = appends;
        checkCommit(inner, appends, options);
        if (appends.length !== 1 || only!.records.length < 2) return inner.commit(appends, options);
        let result: CommitResult = { ok: false, head: only!.expected };
        for (const [i, record] of only!.records.entries()) {
          if (i > 0) await new Promise(setImmediate);
          const before = i > 0 ? result.head : only!.expected;
          [result] = (await inner.commit([{ ...only!, expected: before, records: [record] }])) as [
            CommitResult,
          ];
          if (!result.ok) break;
        }
        return [result];
      },
    }),
  }),
  backendFault({
    name: 'results come in the order of the keys',
    breaks: 'atomicity',
    caughtBy: 'results come in the order of the appends',
    like: 'rows are locked in order to avoid deadlocks, and the answers never put back',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.length < 2 ? appends : appends.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
          options,
        ),
    }),
  }),
  backendFault({
    name: 'an atomic commit that failed tells those that could have been made that they were',
    breaks: 'atomicity',
    caughtBy: 'every append of an atomic commit that failed is told that it failed, and the actual head',
    like: 'results collected before the rollback',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        if (!options?.atomic || results.every(({ ok }) => ok)) return results;
        return results.map((result, i) => {
          const { expected, records } = appends[i]!;
          if (result.ok || result.head?.id !== expected?.id) return result;
          const { version, id, at, kind } = records.at(-1)!;
          return { ok: true, replayed: false, head: { version, id, at, deleted: kind === 'tombstone' } };
        });
      },
    }),
  }),
  backendFault({
    name: 'an atomic commit is taken for made when a part of it was made before',
    breaks: 'atomicity',
    caughtBy: 'an atomic commit of which a part was made before makes the rest',
    like: 'one idempotency key for a whole request, looked up by its first row',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        if (options?.atomic !== true || appends.length < 2) return inner.commit(appends, options);
        const made = await Promise.all(appends.map((append) => isMade(inner, append)));
        if (made.every(Boolean) || !made.some(Boolean)) return inner.commit(appends, options);
        return appends.map(({ records }) => ({ ok: true, replayed: true, head: headOf(records.at(-1)!) }));
      },
    }),
  }),
  backendFault({
    name: 'a text that cannot be made leaves the records before it',
    breaks: 'atomicity',
    caughtBy: 'an append with a text that cannot be made is written whole or not at all',
    like: 'rows that are bound and inserted one by one; no ROLLBACK where the binding throws',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        checkCommit(inner, appends, options);
        const bound: Append[] = [];
        for (const append of appends) {
          const records: LogRecord[] = [];
          bound.push({ ...append, records });
          try {
            for (const record of append.records) records.push(copyOf(record));
          } catch (error) {
            if (records.length > 0) await inner.commit([bound.at(-1)!]);
            throw error;
          }
        }
        return inner.commit(bound, options);
      },
    }),
  }),
  backendFault({
    name: 'work within a commit is taken, and never run',
    breaks: 'atomicity',
    caughtBy: 'work within a commit is run once, and given a client',
    like: 'an option that an adapter does not pass on',
    claims: { joins: true },
    spoil: (inner) => joining(inner, { run: async () => undefined }),
  }),
  backendFault({
    name: 'work that fails is reported, and the commit goes on',
    breaks: 'atomicity',
    caughtBy: 'work that fails keeps the commit from being written, and is its cause',
    like: 'hooks whose errors go to a logger',
    claims: { joins: true },
    spoil: (inner) =>
      joining(inner, {
        run: async (within) =>
          void (await Promise.resolve({})
            .then(within)
            .catch(() => {})),
      }),
  }),
  backendFault({
    name: 'work is run again when its commit is sent again',
    breaks: 'atomicity',
    caughtBy: 'work is not run for a commit that had been made before',
    like: 'a handler in front of an idempotent write',
    claims: { joins: true },
    spoil: (inner) => joining(inner, { fits: () => true }),
  }),
];

async function isMade(inner: Backend, { key, records }: Append): Promise<boolean> {
  const { version, id } = records[0]!;
  const [there] = await all(inner.range(key, { from: version, to: version }));
  return there?.id === id;
}
