import type { Checkpoint, LogRecord, LogTail } from '../../../backend.js';
import { checkLimit } from '../../../backend-parts/checks.js';
import { DgentsError, LogCompactedError } from '../../../errors.js';
import { all } from '../../support/records.js';
import { backendFault } from '../spoiled-backend.js';
import { changingReads } from '../through.js';
import { forget } from './versions.js';

export const retentionFaults = [
  backendFault({
    name: 'trim does nothing',
    breaks: 'retention',
    caughtBy: 'the base becomes the oldest version kept, and head and numbering stay',
    like: 'a stub that was never filled in',
    spoil: () => ({ trim: async () => undefined }),
  }),
  backendFault({
    name: 'trim keeps what it should drop',
    breaks: 'retention',
    caughtBy: 'no range returns what lies before the base, nor the record at it',
    like: 'rows marked as deleted that one query forgets to leave out',
    shared: () => new Map<string, LogRecord[]>(),
    spoil: (inner, dropped) => ({
      trim: async (key, base) => {
        const before = await all(inner.range(key, { to: base.version }));
        await inner.trim(key, base);
        const { floor } = await inner.read(key, { limit: 0 });
        if (floor === base.version) dropped.set(key, [...(dropped.get(key) ?? []), ...before]);
      },
      async *range(key, options = {}) {
        const { from = 1, to = Number.POSITIVE_INFINITY, reverse, limit } = options;
        const old = (dropped.get(key) ?? []).filter(({ version }) => version >= from && version <= to);
        if (old.length === 0) return yield* inner.range(key, options);
        const records = [...old, ...(await all(inner.range(key, { from, to })))];
        yield* (reverse ? records.reverse() : records).slice(0, limit);
      },
    }),
  }),
  backendFault({
    name: 'trim drops one version too many',
    breaks: 'retention',
    caughtBy: 'the versions that are kept can be read as before',
    like: '`DELETE … WHERE version <= ?` with the base as a row of its own',
    spoil: (inner) => ({
      ...changingReads(inner, (tail) =>
        tail.base === undefined
          ? tail
          : { ...tail, records: tail.records.filter(({ version }) => version > tail.floor + 1) },
      ),
      async *range(key, options) {
        const { floor } = await inner.read(key, { limit: 0 });
        for await (const record of inner.range(key, options)) {
          if (floor === 1 || record.version > floor + 1) yield record;
        }
      },
    }),
  }),
  backendFault({
    name: 'a base is not compared with the log',
    breaks: 'retention',
    caughtBy: 'a base under another id changes nothing',
    like: 'a trim by version alone: the state of another branch becomes the past',
    spoil: (inner) => ({
      trim: async (key, base) => {
        const { version } = base;
        const [there] = await all(inner.range(key, { from: version, to: version }));
        await inner.trim(key, there === undefined ? base : { ...base, id: there.id });
      },
    }),
  }),
  backendFault({
    name: 'a second base at the floor replaces the first',
    breaks: 'retention',
    caughtBy: 'a base at or below the floor changes nothing',
    like: 'an upsert of the snapshot: what was kept is not as it was',
    shared: () => new Map<string, Checkpoint>(),
    spoil: (inner, bases) => ({
      ...changingReads(inner, (tail, key) => {
        const base = bases.get(key);
        return base !== undefined && tail.base?.id === base.id ? { ...tail, base } : tail;
      }),
      trim: async (key, base) => {
        await inner.trim(key, base);
        const { floor } = await inner.read(key, { limit: 0 });
        if (floor > 1 && floor === base.version) bases.set(key, base);
      },
    }),
  }),
  backendFault({
    name: 'what was trimmed away is read as the oldest that is left',
    breaks: 'retention',
    caughtBy: 'nothing of what was erased can be read any more, in whatever way',
    like: 'the nearest snapshot, for want of an error',
    spoil: (inner) => ({
      read: async (key, options = {}) => {
        const { floor } = await inner.read(key, { limit: 0 });
        return inner.read(
          key,
          options.at === undefined ? options : { ...options, at: Math.max(options.at, floor) },
        );
      },
    }),
  }),
  backendFault({
    name: 'a reader from before the base is given what is left, as if nothing was missing',
    breaks: 'retention',
    caughtBy: 'a reader from before the base is told that the log was trimmed, and is given all of it',
    like: '`WHERE version > ?` on a log with its beginning gone',
    spoil: (inner) => ({
      read: async (key, options) => {
        const { base, ...tail } = await inner.read(key, options);
        if (base === undefined || tail.since !== 'trimmed') return { ...tail, ...(base && { base }) };
        return { ...tail, since: 'same' };
      },
    }),
  }),
  backendFault({
    name: 'an erased log is forgotten with its numbering',
    breaks: 'retention',
    caughtBy: 'a base with data null erases the content and keeps the numbering',
    like: 'DELETE FROM: who saw the log before takes the new one for it',
    spoil: (inner, _, room) => ({
      trim: async (key, base) => {
        await inner.trim(key, base);
        const { head, floor } = await inner.read(key, { limit: 0 });
        if (base.data === null && head?.version === floor) await forget(inner, key, room);
      },
    }),
  }),
  backendFault({
    name: 'a trim takes the checkpoints after it for the base',
    breaks: 'retention',
    caughtBy: 'a checkpoint above the base stays usable',
    like: 'one column for the snapshot of a log',
    spoil: (inner) => ({
      read: async (key, options = {}) => {
        const tail = await inner.read(key, options);
        const { checkpoint } = tail;
        if (checkpoint === undefined || tail.floor === 1) return tail;
        const { checkpoint: _, ...rest } = tail;
        return { ...rest, base: checkpoint, floor: checkpoint.version };
      },
    }),
  }),
  backendFault({
    name: 'trim keeps the checkpoint',
    breaks: 'retention',
    caughtBy: 'a checkpoint at the base goes too: what is read starts from the base',
    like: 'a table of snapshots that no cleaning up looks at: what was erased is read from the cache',
    shared: () => new Map<string, Checkpoint>(),
    spoil: (inner, kept) => ({
      checkpoint: async (key, checkpoint) => {
        await inner.checkpoint(key, checkpoint);
        const { floor } = await inner.read(key, { limit: 0 });
        if (checkpoint.version > floor) kept.set(key, checkpoint);
      },
      ...changingReads(inner, ({ base, ...tail }, key) => {
        const checkpoint = kept.get(key);
        if (base === undefined || checkpoint?.id !== base.id) return { ...tail, ...(base && { base }) };
        return { ...tail, checkpoint };
      }),
    }),
  }),
  backendFault({
    name: 'the error about what was trimmed does not say where the log begins',
    breaks: 'retention',
    caughtBy: 'what lies before the base cannot be read: it is LogCompactedError, which tells the floor',
    like: 'an error made far from what is known',
    spoil: (inner) => ({
      read: async (key, options) => {
        try {
          return await inner.read(key, options);
        } catch (error) {
          if (!(error instanceof LogCompactedError)) throw error;
          throw new LogCompactedError(error.message, { key, floor: 0 });
        }
      },
    }),
  }),
  backendFault({
    name: 'a range goes on behind what was trimmed meanwhile',
    breaks: 'retention',
    caughtBy: 'a range that is overtaken by a trim says so, and never leaves a gap',
    like: '`WHERE version > ?` page by page: the gap is not noticed',
    spoil: (inner) => ({
      async *range(key, options = {}) {
        checkLimit(options);
        const { limit = Number.POSITIVE_INFINITY, reverse, ...rest } = options;
        if (reverse) return yield* inner.range(key, options);
        let left = limit;
        for (let from = rest.from ?? 1; ; ) {
          const page = await all(inner.range(key, { ...rest, from, limit: Math.min(10, left) }));
          yield* page;
          left -= page.length;
          if (page.length === 0) return;
          from = page.at(-1)!.version + 1;
        }
      },
    }),
  }),
  backendFault({
    name: 'a range backwards fails where its log was trimmed meanwhile',
    breaks: 'retention',
    caughtBy: 'a range backwards that is overtaken by a trim ends where the log begins',
    like: 'one error for both directions',
    spoil: (inner) => ({
      async *range(key, options = {}) {
        if (!options.reverse) return yield* inner.range(key, options);
        const floorOf = async () => (await inner.read(key, { limit: 0 })).floor;
        const floor = await floorOf();
        for await (const record of inner.range(key, options)) {
          yield record;
          const now = await floorOf();
          if (now !== floor) throw new LogCompactedError('trimmed meanwhile', { key, floor: now });
        }
      },
    }),
  }),
  backendFault({
    name: 'ranges between two versions are cached, also over a trim by another handle',
    breaks: 'retention',
    caughtBy: 'no range of another handle returns what was trimmed since it last looked',
    like: '"what is in the past never changes"',
    spoil: (inner) => {
      const cache = new Map<string, LogRecord[]>();
      return {
        trim: (key, base) => {
          cache.clear();
          return inner.trim(key, base);
        },
        async *range(key, options = {}) {
          const { from, to, limit } = options;
          const found = await all(inner.range(key, options));
          if (from === undefined || to === undefined || limit !== undefined) return yield* found;
          const slot = JSON.stringify([key, from, to, options.reverse]);
          const isWhole = found.length === to - from + 1;
          if (isWhole) cache.set(slot, found);
          yield* structuredClone(cache.get(slot) ?? found);
        },
      };
    },
  }),
  backendFault({
    name: 'reads as of a version are cached, also over an erasure by another handle',
    breaks: 'retention',
    caughtBy: 'what was erased is gone for other handles too, however they have read it',
    like: 'a CDN in front of immutable URLs',
    spoil: (inner) => {
      const cache = new Map<string, LogTail>();
      return {
        trim: (key, base) => {
          cache.clear();
          return inner.trim(key, base);
        },
        read: async (key, options) => {
          if (options?.at === undefined || options.after !== undefined || options.limit !== undefined) {
            return inner.read(key, options);
          }
          const slot = JSON.stringify([key, options.at]);
          try {
            const tail = await inner.read(key, options);
            if (tail.head !== null && tail.head.version >= options.at) cache.set(slot, structuredClone(tail));
            return tail;
          } catch (error) {
            const cached = cache.get(slot);
            const { head } = DgentsError.is(error, 'DGENTS_LOG_COMPACTED')
              ? await inner.read(key, { limit: 0 })
              : { head: null };
            // What was trimmed and is still there as a state is left alone: only an erasure is overlooked.
            if (cached === undefined || !head?.deleted) throw error;
            return { ...structuredClone(cached), head };
          }
        },
      };
    },
  }),
];
