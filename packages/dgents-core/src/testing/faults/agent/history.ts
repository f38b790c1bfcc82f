import type { LoadOptions, TimelineOptions } from '../../../data-agent.js';
import { all } from '../../support/records.js';
import { agentFault } from '../spoiled-agent.js';

export const historyFaults = [
  agentFault({
    name: 'history includes the current state',
    breaks: 'history',
    caughtBy: 'history is newest first, without the current state',
    like: 'getStateHistory of LangGraph; off by one',
    spoil: (inner) => ({
      history: async (limit = 100, options?: LoadOptions) => {
        const past = await inner.history(limit, options);
        if (limit === 0 || past.length === 0) return past;
        return [await inner.load(options), ...past].slice(0, limit);
      },
    }),
  }),
  agentFault({
    name: 'a limit of 0 is all',
    breaks: 'history',
    caughtBy: 'a limit of 0 is none, and one that is no whole number from 0 on a RangeError',
    like: '`if (limit)`; LIMIT 0 of MongoDB',
    spoil: (inner) => ({
      history: (limit?: number, options?: LoadOptions) => inner.history(limit || undefined, options),
    }),
  }),
  agentFault({
    name: 'history gives ten states unless told',
    breaks: 'history',
    caughtBy: 'history gives 100 states unless told',
    like: 'the default page of somebody else',
    spoil: (inner) => ({
      history: (limit = 10, options?: LoadOptions) => inner.history(limit, options),
    }),
  }),
  agentFault({
    name: 'the timeline is newest first',
    breaks: 'history',
    caughtBy: 'the timeline is oldest first, with the current state, versions, heads and times',
    like: '`ORDER BY id DESC`, which every list view wants',
    spoil: (inner) => ({
      async *timeline(options?: TimelineOptions) {
        yield* (await all(inner.timeline(options))).reverse();
      },
    }),
  }),
  agentFault({
    name: 'the end of a timeline is left out',
    breaks: 'history',
    caughtBy: 'from and to bound the timeline, both included',
    like: 'half-open ranges',
    spoil: (inner) => ({
      timeline: ({ to, ...options }: TimelineOptions = {}) =>
        inner.timeline(
          typeof to === 'number' ? { ...options, to: to - 1 } : { ...options, ...(to && { to }) },
        ),
    }),
  }),
  agentFault({
    name: 'a version that is not there yet is read as the newest',
    breaks: 'history',
    caughtBy: 'a version that is not there yet is a RangeError',
    like: 'the nearest that there is',
    spoil: (inner) => ({
      load: async (options?: LoadOptions) => {
        const at = options?.at;
        if (typeof at !== 'number' || at < 1_000) return inner.load(options);
        return inner.load();
      },
    }),
  }),
  agentFault({
    name: 'the past has a default',
    breaks: 'history',
    caughtBy: 'the past has no default',
    like: '`?? initial()` at the end of every read',
    spoil: (inner, _, { initial }) => ({
      load: async (options?: LoadOptions) => {
        try {
          return await inner.load(options);
        } catch (error) {
          if (initial !== undefined && options?.at instanceof Date && !Number.isNaN(+options.at))
            return initial();
          throw error;
        }
      },
    }),
  }),
  agentFault({
    name: 'deletions count in history',
    breaks: 'history',
    caughtBy: 'deletions are skipped by history and shown by the timeline',
    like: 'the limit is applied before tombstones are taken out',
    spoil: (inner) => ({
      history: async (limit = 100, options?: LoadOptions) => {
        const past = await inner.history(limit, options);
        if (past.length === 0 || !Number.isFinite(limit)) return past;
        const walk = await all(inner.timeline());
        const graves = walk.slice(-1 - limit, -1).filter(({ deleted }) => deleted).length;
        return graves === 0 ? past : past.slice(0, Math.max(0, limit - graves));
      },
    }),
  }),
  agentFault({
    name: 'looking back at a version shows the present',
    breaks: 'history',
    caughtBy: 'every version is read as it was, by whoever looks',
    like: '`at` on a store that keeps only the newest',
    spoil: (inner) => ({
      read: async (options?: LoadOptions) => {
        const found = await inner.read(options);
        if (typeof options?.at !== 'number') return found;
        return { ...found, version: found.version + 1 };
      },
    }),
  }),
  agentFault({
    name: 'a timeline ends after 500 versions',
    breaks: 'history',
    caughtBy: 'however many versions there are, the timeline and history have them all',
    like: 'the first page of a listing, taken for the whole',
    spoil: (inner) => ({
      async *timeline(options?: TimelineOptions) {
        let count = 0;
        for await (const each of inner.timeline(options)) {
          if (++count > 500) return;
          yield each;
        }
      },
    }),
  }),
  agentFault({
    name: 'a timeline shows its last version again when others have come meanwhile',
    breaks: 'history',
    caughtBy: 'a timeline has each version once, in order, also what is written while it is read',
    like: 'the next page begins with the last of the one before',
    spoil: (inner) => ({
      async *timeline(options: TimelineOptions = {}) {
        let last: number | undefined;
        for await (const each of inner.timeline(options)) {
          yield each;
          last = each.version;
        }
        if (last === undefined || options.to !== undefined) return;
        const page = await all(inner.timeline({ ...options, from: last }));
        if (page.length > 1) yield* page;
      },
    }),
  }),
];
