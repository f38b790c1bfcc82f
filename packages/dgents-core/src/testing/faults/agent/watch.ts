import type { Deleted, Versioned, WatchOptions } from '../../../data-agent.js';
import { agentFault } from '../spoiled-agent.js';

type Step = Versioned<unknown> | Deleted;

/** What a watch shows, where it is worth showing. */
function filtered(
  watch: AsyncIterable<Step>,
  change: (step: Step) => Step | undefined,
  first: readonly Step[] = [],
): AsyncIterable<Step> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = watch[Symbol.asyncIterator]();
      const waiting = [...first];
      return {
        next: async () => {
          const early = waiting.shift();
          if (early !== undefined) return { done: false, value: early };
          for (;;) {
            const step = await iterator.next();
            if (step.done) return step;
            const value = change(step.value);
            if (value !== undefined) return { done: false, value };
          }
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}

export const watchFaults = [
  agentFault({
    name: 'a watch begins with the next change, not with what is there',
    breaks: 'watch',
    caughtBy: 'a watch begins with the current state, and goes on with what others write',
    like: 'an EventEmitter: who comes late sees nothing',
    spoil: (inner, _, { initial }) => {
      let hasWritten = initial !== undefined;
      return {
        save: (state: unknown, options?: object) => {
          hasWritten = true;
          return inner.save(state, options);
        },
        watch: (options?: WatchOptions) => {
          let isFirst = !hasWritten && options?.signal === undefined;
          return filtered(inner.watch(options), (step) => {
            const skipped = isFirst && step.version === 1;
            isFirst = false;
            return skipped ? undefined : step;
          });
        },
      };
    },
  }),
  agentFault({
    name: 'does not show what its own handle writes',
    breaks: 'watch',
    caughtBy: 'a watch shows what its own handle writes',
    like: '`if (event.source === this) return`',
    spoil: (inner) => {
      const own = new Set<number>();
      return {
        update: async (change: never, options?: object) => {
          const result = await inner.update(change, options);
          own.add(result.version);
          return result;
        },
        watch: (options?: WatchOptions) => {
          let isFirst = true;
          return filtered(inner.watch(options), (step) => {
            const shown = isFirst || !own.has(step.version);
            isFirst = false;
            return shown ? step : undefined;
          });
        },
      };
    },
  }),
  agentFault({
    name: 'shows the default before anything was stored',
    breaks: 'watch',
    caughtBy: 'a watch waits for the first state, and shows no default',
    like: 'BehaviorSubject',
    spoil: (inner, _, { initial }) => ({
      async *watch(options?: WatchOptions) {
        const now = await inner.read().catch(() => undefined);
        if (initial !== undefined && now?.version === 0 && !options?.signal?.aborted) yield now;
        yield* inner.watch(options);
      },
    }),
  }),
  agentFault({
    name: 'misses the last of a burst',
    breaks: 'watch',
    caughtBy: 'a watch may skip what came in between, goes never back, and never misses the last',
    like: 'a throttle without its trailing edge',
    spoil: (inner) => ({
      watch: (options?: WatchOptions) => {
        let last = Number.NEGATIVE_INFINITY;
        let count = 0;
        return filtered(inner.watch(options), (step) => {
          const now = performance.now();
          const quick = now - last < 10;
          last = now;
          return ++count > 3 && quick ? undefined : step;
        });
      },
    }),
  }),
  agentFault({
    name: 'shows the same state again and again',
    breaks: 'watch',
    caughtBy: 'a watch that shows a change shows nothing more until the next one',
    like: 'polling without a comparison',
    spoil: (inner) => ({
      async *watch(options?: WatchOptions) {
        for await (const step of inner.watch(options)) {
          yield step;
          if (step.version === 1 && !options?.signal?.aborted) yield step;
        }
      },
    }),
  }),
  agentFault({
    name: 'an aborted watch throws',
    breaks: 'watch',
    caughtBy: 'a watch ends quietly when its signal aborts, before it began or while it waits',
    like: 'events.on of Node: AbortError in every consumer',
    spoil: (inner) => ({
      async *watch(options?: WatchOptions) {
        yield* inner.watch(options);
        options?.signal?.throwIfAborted();
      },
    }),
  }),
  agentFault({
    name: 'a deletion is not shown',
    breaks: 'watch',
    caughtBy: 'a deletion is shown where there was a state, and a watch does not begin with one',
    like: '`if (!value) return`',
    spoil: (inner) => ({
      watch: (options?: WatchOptions) =>
        filtered(inner.watch(options), (step) => (step.deleted ? undefined : step)),
    }),
  }),
  agentFault({
    name: 'the versions of a watch are its own',
    breaks: 'watch',
    caughtBy: 'each step has the version, head and time of what it shows',
    like: 'a counter of events',
    spoil: (inner) => ({
      watch: (options?: WatchOptions) => {
        let count = 100;
        return filtered(inner.watch(options), (step) =>
          step.deleted ? step : { ...step, state: step.state, version: ++count },
        );
      },
    }),
  }),
];
