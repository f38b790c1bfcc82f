import type { FeedEntry, LogRecord, Meta } from '../../../backend.js';
import { backendFault, newRoom, type Room } from '../spoiled-backend.js';
import { changingReads } from '../through.js';

const ONE = newRoom(undefined) as Room<undefined>;

export const isolationFaults = [
  backendFault({
    name: "keeps the caller's meta by reference",
    breaks: 'isolation',
    caughtBy: 'records that were given may be changed once the commit has settled, their meta too',
    like: 'a Map in memory that stands in for a database in tests',
    shared: () => new Map<string, Meta>(),
    spoil: (inner, kept) => {
      const given = (record: LogRecord): LogRecord => {
        const meta = kept.get(record.id);
        return meta === undefined ? record : { ...record, meta };
      };
      return {
        ...changingReads(inner, (tail) => ({ ...tail, records: tail.records.map(given) })),
        async *range(key, options) {
          for await (const record of inner.range(key, options)) yield given(record);
        },
        commit: (appends, options) => {
          for (const { records } of appends) {
            for (const { id, meta } of records) if (meta !== undefined) kept.set(id, meta);
          }
          return inner.commit(appends, options);
        },
      };
    },
  }),
  backendFault({
    name: 'gives out the array it keeps',
    breaks: 'isolation',
    caughtBy: 'arrays that were returned are the caller’s: emptying them changes nothing stored',
    like: 'a cache in front of a driver that returns its own rows',
    shared: () => new Map<string, LogRecord[]>(),
    spoil: (inner, kept) => ({
      read: async (key, options) => {
        const tail = await inner.read(key, options);
        const place = JSON.stringify([
          key,
          tail.head?.id,
          options?.after?.version,
          options?.at,
          options?.limit,
        ]);
        if (!kept.has(place)) kept.set(place, [...tail.records]);
        return { ...tail, records: kept.get(place)! };
      },
    }),
  }),
  backendFault({
    name: 'keeps the array that it was given',
    breaks: 'isolation',
    caughtBy: 'arrays that were given may be changed once the commit has settled',
    like: '`this.rows = rows`',
    shared: () => new Map<string, readonly LogRecord[]>(),
    spoil: (inner, kept) => ({
      commit: (appends, options) => {
        for (const { key, expected, records } of appends) if (expected === null) kept.set(key, records);
        return inner.commit(appends, options);
      },
      async *range(key, options) {
        for await (const record of inner.range(key, options)) {
          yield kept.get(key)?.[record.version - 1] ?? record;
        }
      },
    }),
  }),
  backendFault({
    name: 'two stores share one state',
    breaks: 'isolation',
    caughtBy: 'two places share nothing',
    like: 'a module-level Map; a table without the prefix',
    spoil: () => ({}),
    hooks: { create: () => ONE, destroy: () => undefined },
  }),
  backendFault({
    name: 'gives out the map that it keeps of what it has found',
    breaks: 'isolation',
    caughtBy: 'what was found is the caller’s: changing the map changes no later answer',
    like: 'memoize around a query',
    shared: () => new Map<string, ReadonlyMap<string, number>>(),
    spoil: (inner, kept) => ({
      commit: (appends, options) => {
        kept.clear();
        return inner.commit(appends, options);
      },
      trim: (key, base, options) => {
        kept.clear();
        return inner.trim(key, base, options);
      },
      find: async (key, ids, options) => {
        const found = await inner.find!(key, ids, options);
        const place = JSON.stringify([key, ids]);
        const answer = found.size === ids.length ? (kept.get(place) ?? found) : found;
        kept.set(place, answer);
        return answer;
      },
    }),
  }),
  backendFault({
    name: 'gives the entries of its feed to everybody as they are',
    breaks: 'isolation',
    caughtBy: 'entries of the feed are the caller’s, their meta at every depth',
    like: 'an EventEmitter: every listener has the same object',
    shared: () => new Map<string, FeedEntry>(),
    spoil: (inner, kept) => ({
      feed: (after, options) => {
        const iterator = inner.feed!(after, options)[Symbol.asyncIterator]();
        const next = async (): Promise<IteratorResult<FeedEntry>> => {
          const step = await iterator.next();
          if (step.done || 'trimmed' in step.value) return step;
          const { position } = step.value;
          if (!kept.has(position)) kept.set(position, structuredClone(step.value));
          return { done: false, value: kept.get(position)! };
        };
        const end = async (): Promise<IteratorResult<FeedEntry>> => {
          await iterator.return?.();
          return { done: true, value: undefined };
        };
        return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
      },
    }),
  }),
];
