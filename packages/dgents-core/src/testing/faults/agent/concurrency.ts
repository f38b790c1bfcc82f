import type { SaveOptions, UpdateOptions, Versioned } from '../../../data-agent.js';
import { agentFault } from '../spoiled-agent.js';

type Recipe = (draft: unknown) => unknown;

export const concurrencyFaults = [
  agentFault({
    name: 'an update loads, changes and saves, and does not compare',
    breaks: 'concurrency',
    caughtBy: 'five handles that update at once lose nothing',
    like: 'the memory server of MCP: 40 acknowledged writes, 1 survives',
    shared: () => ({ handles: 0, underWay: 0 }),
    spoil: (inner, place) => {
      place.handles++;
      // Callers of one handle wait for each other, as with a lock in the process.
      let turn: Promise<unknown> = Promise.resolve();
      return {
        update: (change: Recipe, options?: UpdateOptions) => {
          if (place.handles < 3 || options !== undefined) return inner.update(change as never, options);
          place.underWay++;
          const done = turn.then(() => loadChangeSave(change));
          turn = done
            .catch(() => undefined)
            .then(() => {
              place.underWay--;
            });
          return done;
        },
      };
      async function loadChangeSave(change: Recipe): Promise<Versioned<unknown>> {
        if (place.underWay < 2) return inner.update(change as never);
        const { state } = await inner.read();
        await new Promise(setImmediate);
        return inner.update(() => change(state) ?? state);
      }
    },
  }),
  agentFault({
    name: 'concurrent updates of one handle are merged into one version',
    breaks: 'concurrency',
    caughtBy: 'ten updates at once on one handle make ten steps, each with a version of its own',
    like: 'batched setState: whoever waits for a version of his own waits for nothing',
    spoil: (inner) => {
      let underWay = 0;
      let last: Promise<Versioned<unknown>> | undefined;
      return {
        update: (change: Recipe, options?: UpdateOptions) => {
          if (underWay >= 8 && last !== undefined && options === undefined) return last;
          underWay++;
          const done = inner.update(change as never, options);
          last = done;
          const over = () => {
            underWay--;
          };
          done.then(over, over);
          return done;
        },
      };
    },
  }),
  agentFault({
    name: 'two flows of one handle overwrite each other',
    breaks: 'concurrency',
    caughtBy: 'two flows that update on one handle lose nothing of each other',
    like: '`const state = await load(); change(state); await save(state)` as update',
    spoil: (inner) => {
      let underWay = 0;
      let hasSaved = false;
      const overwrite = async (change: Recipe): Promise<Versioned<unknown>> => {
        const before = await inner.load();
        return inner.update(isEven(before) ? () => change(before) ?? before : (change as never));
      };
      return {
        save: (state: unknown, options?: SaveOptions) => {
          hasSaved = true;
          return inner.save(state, options);
        },
        update: async (change: Recipe, options?: UpdateOptions) => {
          const isSecond = ++underWay === 2 && !hasSaved && options === undefined;
          const done = isSecond ? overwrite(change) : inner.update(change as never, options);
          return done.finally(() => {
            underWay--;
          });
        },
      };
    },
  }),
  agentFault({
    name: 'of many keys at once one is written twice and another never',
    breaks: 'concurrency',
    caughtBy: 'updates and saves of different keys at once do not touch each other',
    like: 'a variable of the module that an await lies between',
    shared: () => ({ underWay: 0, last: undefined as unknown }),
    spoil: (inner, module, { key }) => ({
      save: async (state: unknown, options?: SaveOptions) => {
        if (!key.startsWith('key-') || options !== undefined) return inner.save(state, options);
        const isCrowded = ++module.underWay > 8;
        const taken = isCrowded ? module.last : state;
        module.last = state;
        return inner.save(taken).finally(() => {
          module.underWay--;
        });
      },
    }),
  }),
  agentFault({
    name: 'concurrent saves land out of order',
    breaks: 'concurrency',
    caughtBy: 'of several handles that save at once over what they all saw, one wins and the others are told',
    like: 'a loser that tries again with force, and is told that it won',
    shared: () => ({ underWay: 0 }),
    spoil: (inner, all) => ({
      save: async (state: unknown, options?: SaveOptions) => {
        if (options !== undefined) return inner.save(state, options);
        all.underWay++;
        const isCrowded = all.underWay >= 5;
        return inner.save(state, isCrowded ? { expected: 'any' } : {}).finally(() => {
          all.underWay--;
        });
      },
    }),
  }),
];

function isEven(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'number' in state && Number(state.number) % 2 === 0;
}
