import type { LogRecord } from '../../../backend.js';
import { all, headOf } from '../../support/records.js';
import { backendFault } from '../spoiled-backend.js';
import { changingReads } from '../through.js';

export const historyFaults = [
  backendFault({
    name: 'a read as of a version gives the newest',
    breaks: 'history',
    caughtBy: 'a read as of any version ends there and still has the head of the whole log',
    like: 'a replica that answers from its cache',
    spoil: (inner) => ({ read: (key, { at: _, ...options } = {}) => inner.read(key, options) }),
  }),
  backendFault({
    name: 'a read as of a version ends before it',
    breaks: 'history',
    caughtBy: '`after` and `at` together give what lies between them',
    like: '`<` instead of `<=`',
    spoil: (inner) => ({
      read: async (key, options = {}) => {
        const { at } = options;
        const tail = await inner.read(key, options);
        if (at === undefined || tail.records.length < 2) return tail;
        return { ...tail, records: tail.records.filter(({ version }) => version < at) };
      },
    }),
  }),
  backendFault({
    name: 'versions come in the order of their times',
    breaks: 'history',
    caughtBy: 'versions give the order, not times: the clock goes backwards',
    like: '`ORDER BY created_at`, wherever a clock goes back or stands still',
    spoil: (inner) => ({
      async *range(key, options) {
        const records = await all(inner.range(key, options));
        yield* records.sort((a, b) => (options?.reverse ? b.at - a.at : a.at - b.at));
      },
    }),
  }),
  backendFault({
    name: 'a limit of 0 records is no limit',
    breaks: 'history',
    caughtBy: 'a limit of 0 gives no records and says whether there are any',
    like: '`if (limit)`',
    spoil: (inner) => ({
      range: (key, { limit, ...options } = {}) => inner.range(key, limit ? { ...options, limit } : options),
    }),
  }),
  backendFault({
    name: 'a range backwards takes the first ones, not the last',
    breaks: 'history',
    caughtBy: 'the limit of a range counts from the end at which it begins',
    like: 'the limit is applied before the order is turned',
    spoil: (inner) => ({
      async *range(key, { reverse, ...options } = {}) {
        const records = await all(inner.range(key, options));
        yield* reverse ? records.reverse() : records;
      },
    }),
  }),
  backendFault({
    name: 'the end of a range is left out',
    breaks: 'history',
    caughtBy: 'a range keeps within its bounds, both of which it includes',
    like: 'slice(from, to)',
    spoil: (inner) => ({
      range: (key, options = {}) =>
        inner.range(key, { ...options, ...(options.to !== undefined && { to: options.to - 1 }) }),
    }),
  }),
  backendFault({
    name: 'what followed a head is given without looking at its id',
    breaks: 'history',
    caughtBy: 'after a head of the same version under another id, the log has diverged and is given whole',
    like: '`WHERE version > ?`: a stale patch lands on another state after a failover',
    spoil: (inner) => ({
      read: async (key, { after, ...options } = {}) => {
        if (after === undefined) return inner.read(key, options);
        for await (const { version, id } of inner.range(key, { from: after.version, limit: 1 })) {
          if (version === after.version) return inner.read(key, { ...options, after: { ...after, id } });
        }
        return inner.read(key, { ...options, after });
      },
    }),
  }),
  backendFault({
    name: 'a page does not say that there is more',
    breaks: 'history',
    caughtBy: 'pages of 5 join to the whole',
    like: 'a driver with a page size of its own',
    spoil: (inner) => changingReads(inner, (tail) => ({ ...tail, more: false })),
  }),
  backendFault({
    name: 'a checkpoint moves the head',
    breaks: 'history',
    caughtBy: 'a checkpoint changes neither head nor floor nor records, and a tail may start from it',
    like: 'a snapshot kept as one more row of the log',
    shared: () => new Map<string, number>(),
    spoil: (inner, offered) => ({
      ...changingReads(inner, (tail, key) => {
        const more = offered.get(key) ?? 0;
        return tail.head && more > 0
          ? { ...tail, head: { ...tail.head, version: tail.head.version + more } }
          : tail;
      }),
      checkpoint: async (key, checkpoint) => {
        const { head } = await inner.read(key);
        if (head !== null && checkpoint.version <= head.version) offered.set(key, 1);
        await inner.checkpoint(key, checkpoint);
      },
    }),
  }),
  backendFault({
    name: 'a checkpoint of another log is believed',
    breaks: 'history',
    caughtBy: 'a checkpoint under another id is ignored',
    like: 'snapshots found by version alone',
    spoil: (inner) => ({
      checkpoint: async (key, checkpoint) => {
        const { version } = checkpoint;
        for await (const { id } of inner.range(key, { from: version, to: version })) {
          await inner.checkpoint(key, { ...checkpoint, id });
        }
      },
    }),
  }),
  backendFault({
    name: 'a read in the past starts from a checkpoint of the future',
    breaks: 'history',
    caughtBy: 'checkpoints without end do not keep a log from being read',
    like: 'the newest snapshot, whatever was asked for',
    spoil: (inner) => ({
      read: async (key, options = {}) => {
        const tail = await inner.read(key, options);
        if (options.at === undefined || options.after !== undefined) return tail;
        const { checkpoint } = await inner.read(key);
        return checkpoint === undefined ? tail : { ...tail, checkpoint, records: [] };
      },
    }),
  }),
  backendFault({
    name: 'a page in the past is read in the present',
    breaks: 'history',
    caughtBy: 'pages as of a version join to what there was then',
    like: 'two queries, one with a limit and one with a bound',
    spoil: (inner) => ({
      read: (key, { at, ...options } = {}) =>
        inner.read(key, at === undefined || options.limit !== undefined ? options : { ...options, at }),
    }),
  }),
  backendFault({
    name: 'a page in the past is never the last one before the head',
    breaks: 'history',
    caughtBy: 'a page that ends at the version it is read as of is the last one',
    like: '`more: last.version < head.version`',
    spoil: (inner) => ({
      read: async (key, options = {}) => {
        const tail = await inner.read(key, options);
        if (options.at === undefined || options.limit === undefined) return tail;
        const last = tail.records.at(-1)?.version ?? options.after?.version ?? 0;
        return { ...tail, more: tail.more || last < (tail.head?.version ?? 0) };
      },
    }),
  }),
  backendFault({
    name: 'what followed a head in the past is given without looking at its id',
    breaks: 'history',
    caughtBy: 'also as of a version, after a head under another id the log has diverged',
    like: 'BETWEEN ? AND ?, beside a query that compares the id',
    spoil: (inner) => ({
      read: async (key, options = {}) => {
        const { at, after } = options;
        if (at === undefined || after === undefined) return inner.read(key, options);
        const { version } = after;
        const [there] = await all(inner.range(key, { from: version, to: version }));
        return inner.read(key, { ...options, after: there === undefined ? after : headOf(there) });
      },
    }),
  }),
  backendFault({
    name: 'the first page of a log that has diverged is said to be the last',
    breaks: 'history',
    caughtBy: 'the pages of a log that is not the one that was seen join to the whole',
    like: 'the way back to a whole read, which nobody tried with a limit',
    spoil: (inner) =>
      changingReads(inner, (tail) => (tail.since === 'same' ? tail : { ...tail, more: false })),
  }),
  backendFault({
    name: 'bounds are cast to 32 bits',
    breaks: 'history',
    caughtBy: 'numbers beyond every version are bounds like any other',
    like: '`| 0`; an INT4 parameter',
    spoil: (inner) => ({
      range: (key, { to, ...options } = {}) =>
        inner.range(key, to === undefined ? options : { ...options, to: to | 0 }),
    }),
  }),
  backendFault({
    name: 'a limit of Infinity is 0',
    breaks: 'history',
    caughtBy: 'a limit of Infinity is none',
    like: '`Infinity | 0`; JSON.stringify(Infinity) is null',
    spoil: (inner) => {
      const finite = <O extends { readonly limit?: number }>(options: O | undefined): O | undefined =>
        options?.limit === Number.POSITIVE_INFINITY ? { ...options, limit: 0 } : options;
      return {
        read: (key, options) => inner.read(key, finite(options)),
        range: (key, options) => inner.range(key, finite(options)),
      };
    },
  }),
  backendFault({
    name: 'a range backwards gives versions again when others are appended',
    breaks: 'history',
    caughtBy: 'a range backwards has each version once, whatever is appended while it is read',
    like: 'LIMIT 100 OFFSET 100, of a list that grows at its beginning',
    spoil: (inner) => ({
      async *range(key, options = {}) {
        const { limit = Number.POSITIVE_INFINITY, ...rest } = options;
        if (!options.reverse || limit < 100 || Number.isNaN(limit)) return yield* inner.range(key, options);
        for (let given = 0; ; ) {
          const page = (await all(inner.range(key, rest))).slice(given, Math.min(given + 100, limit));
          if (page.length === 0) return;
          yield* page;
          given += page.length;
        }
      },
    }),
  }),
  backendFault({
    name: 'a range forwards ends where the page did that was the last when it was read',
    breaks: 'history',
    caughtBy: 'a range forwards has each version once, whatever is appended while it is read',
    like: 'a cursor that is counted in pages from the end: what is appended moves every page',
    spoil: (inner) => ({
      async *range(key, options = {}) {
        if (Object.values(options).some((value) => value !== undefined && value !== false)) {
          return yield* inner.range(key, options);
        }
        // So many from the end: right, so long as the end stays where it is.
        let left = (await all(inner.range(key))).length;
        while (left > 0) {
          const page = (await all(inner.range(key))).slice(-left).slice(0, 100);
          yield* page;
          left -= page.length;
        }
      },
    }),
  }),
  backendFault({
    name: 'ranges of one handle share a cursor',
    breaks: 'history',
    caughtBy: 'ranges that are read in turns through one handle do not disturb each other',
    like: 'a prepared statement that is stepped through by two at once',
    spoil: (inner) => {
      let cursor: AsyncIterator<LogRecord> | undefined;
      return {
        async *range(key, options) {
          cursor = inner.range(key, options)[Symbol.asyncIterator]();
          for (;;) {
            const { done, value } = await cursor.next();
            if (done) return;
            yield value;
          }
        },
      };
    },
  }),
];
