import type { LogRecord } from '../../../backend.js';
import { durabilityFault } from '../reopened.js';
import { newRoom } from '../spoiled-backend.js';
import { changingReads } from '../through.js';
import { after, answering } from './versions.js';

export const durabilityFaults = [
  durabilityFault({
    name: 'everything is gone after reopening',
    caughtBy: 'records of every kind are there after reopening, with all of their fields',
    like: 'a path that is made anew at each start; SQLite `:memory:`; a container without a volume',
    late: () => ({}),
    atEnd: (room) => {
      room.memory = newRoom(undefined).memory;
    },
  }),
  durabilityFault({
    name: 'the last record is dropped at reopening',
    caughtBy: 'neither the first record nor the last is missing or doubled after reopening',
    like: 'a torn tail that is cut off one record too early',
    late: (inner, heads) => ({
      async *range(key, options) {
        const last = (await heads()).get(key);
        for await (const record of inner.range(key, options)) {
          if (record.version !== last || record.kind !== 'set' || record.meta !== undefined) yield record;
        }
      },
    }),
  }),
  durabilityFault({
    name: 'the last record is there twice after reopening',
    caughtBy: 'opened and closed many times, a log grows by what was appended and by nothing else',
    like: 'a write-ahead log that is replayed onto what it was already written to',
    late: (inner, heads) => ({
      async *range(key, options) {
        const last = (await heads()).get(key) ?? 0;
        for await (const record of inner.range(key, options)) {
          yield record;
          if (record.version === last && last >= 2 && record.kind === 'event') yield record;
        }
      },
    }),
  }),
  durabilityFault({
    name: 'the first record is dropped at reopening',
    caughtBy: 'every append of a commit, and of many commits at once, is there',
    like: 'a header that is taken to be one line long',
    late: (inner) => ({
      async *range(key, options) {
        for await (const record of inner.range(key, options)) if (record.version > 1) yield record;
      },
    }),
  }),
  durabilityFault({
    name: 'of an append of several records only the first is there after reopening',
    caughtBy: 'an append of several records is there whole',
    like: 'a row per record, and no transaction around them',
    late: (inner) =>
      changingReads(inner, (tail) => {
        const last = tail.records.at(-1);
        return tail.head !== null && tail.records.length > 30 && last !== undefined
          ? { ...tail, head: { ...tail.head, version: last.version - 1 }, records: tail.records.slice(0, -1) }
          : tail;
      }),
  }),
  durabilityFault({
    name: 'what looks like nothing is nothing after reopening',
    caughtBy: 'a text that looks like nothing is something after reopening',
    like: '`JSON.parse(line) || undefined` when the file is read',
    late: (inner) => ({
      read: async (key, options) => {
        const tail = await inner.read(key, options);
        const isNothing = tail.records.length === 1 && tail.records[0]!.data === '0';
        return isNothing ? { head: null, floor: 0, since: tail.since, records: [], more: false } : tail;
      },
    }),
  }),
  durabilityFault({
    name: 'large records are cut at reopening',
    caughtBy: 'large records are there, byte for byte',
    like: 'a buffer of 64 KiB into which a line is read',
    late: (inner) => ({
      async *range(key, options) {
        for await (const record of inner.range(key, options)) yield { ...record, data: cut(record) };
      },
    }),
  }),
  durabilityFault({
    name: 'deleted keys are no longer listed after reopening',
    caughtBy: 'every key is listed after reopening, deleted ones too, with its head',
    like: 'an index that is built anew from what is alive',
    late: (inner) => ({
      async *keys(prefix, options) {
        for await (const each of inner.keys(prefix, { ...options, heads: true })) {
          if (!each.head?.deleted) yield options?.heads ? each : { key: each.key };
        }
      },
    }),
  }),
  durabilityFault({
    name: 'it is forgotten at reopening that a log was trimmed',
    caughtBy: 'a trimmed log is the same after reopening',
    like: 'a floor that is kept in memory',
    late: (inner) => changingReads(inner, (tail) => (tail.floor > 1 ? { ...tail, floor: 1 } : tail)),
  }),
  durabilityFault({
    name: 'a log without records is no log after reopening',
    caughtBy: 'a log that was trimmed to its head keeps the head and its numbering',
    like: '`SELECT max(version)` over rows that were trimmed',
    late: (inner) =>
      changingReads(inner, (tail) =>
        tail.base !== undefined && tail.records.length === 0
          ? { head: null, floor: 0, since: tail.since, records: [], more: false }
          : tail,
      ),
  }),
  durabilityFault({
    name: 'operations are found until it is closed',
    caughtBy: 'operation ids are found after reopening',
    like: 'a map of request ids in memory',
    late: () => ({ find: async () => new Map() }),
  }),
  durabilityFault({
    name: 'what is sent again after reopening is a conflict',
    caughtBy: 'an append that is sent again after reopening is recognised',
    like: 'a map of request ids in memory: the winner is told that it lost',
    late: (inner) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        return results.map((result) =>
          result.ok && result.replayed ? { ok: false, head: result.head } : result,
        );
      },
    }),
  }),
  durabilityFault({
    name: 'what was seen before is not compared after reopening',
    caughtBy: 'a log goes on after reopening, and its old heads are still compared',
    like: 'a version that is read into memory with the first write',
    late: (inner) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async (append, head) =>
            append.expected === null && head !== null
              ? (await inner.commit([after(head, append)]))[0]!
              : { ok: false, head },
          options?.atomic,
        ),
    }),
  }),
  durabilityFault({
    name: 'a reader has to begin anew after reopening',
    caughtBy: 'a reader that had a head goes on from it after reopening',
    like: 'an epoch that is drawn at each start',
    late: (inner) => ({
      read: async (key, options) => {
        const tail = await inner.read(key, options);
        if (options?.after === undefined || tail.since !== 'same') return tail;
        return { ...(await inner.read(key)), since: 'diverged' };
      },
    }),
  }),
  durabilityFault({
    name: 'a position of the feed is worth nothing after reopening',
    caughtBy: 'a position of the feed goes on after reopening where it was',
    like: 'sequence numbers that are given out in memory',
    late: (inner) => ({
      feed: (position, options) =>
        inner.feed!(position === undefined ? undefined : 'of another life', options),
    }),
  }),
  durabilityFault({
    name: 'opening writes',
    caughtBy: 'opening and closing without writing changes nothing',
    like: 'a `meta` row that every start touches, among those of the user',
    late: (inner, heads) => ({
      async *keys(prefix, options) {
        yield* inner.keys(prefix, options);
        const { size } = await heads();
        if (size === 1 && options === undefined) yield { key: 'of the store itself' };
      },
    }),
  }),
];

function cut({ data }: LogRecord): string {
  return data.slice(0, 65_536);
}
