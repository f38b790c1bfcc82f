import type { DataAgent, LoadOptions, SaveOptions } from '../../../data-agent.js';
import { memoryBackend } from '../../../memory/memory-backend.js';
import { Store } from '../../../store.js';
import { agentOn } from '../../agent-subject.js';
import { agentFault } from '../spoiled-agent.js';

export const lifecycleFaults = [
  agentFault({
    name: 'a second close hangs',
    breaks: 'lifecycle',
    caughtBy: 'close can be called any number of times, at once and later',
    like: 'waiting for an event that comes once',
    spoil: (inner) => {
      let isClosed = false;
      return {
        close: async () => {
          if (isClosed) throw new Error('Already closed');
          isClosed = true;
          await inner.close();
        },
      };
    },
  }),
  agentFault({
    name: 'close does not wait for what was accepted',
    breaks: 'lifecycle',
    caughtBy: 'close waits for what was accepted',
    like: 'a write-behind buffer that is dropped with its owner',
    spoil: (inner) => ({
      close: async () => {
        void inner.close();
      },
    }),
  }),
  agentFault({
    name: 'a write after close is accepted',
    breaks: 'lifecycle',
    caughtBy: 'after close every call rejects with AgentClosedError, and stores nothing',
    like: 'an adapter that connects again by itself',
    spoil: (inner, _, settings, { memory }) => {
      let isClosed = false;
      return {
        update: async (change: never, options?: object) => {
          if (!isClosed) return inner.update(change, options);
          const again = agentOn(new Store(memoryBackend({ sharing: memory })), settings);
          const result = await again.update(change, options);
          await again.close();
          return result;
        },
        close: () => {
          isClosed = true;
          return inner.close();
        },
      };
    },
  }),
  agentFault({
    name: 'what comes while it closes is accepted, and lost',
    breaks: 'lifecycle',
    caughtBy: 'a call made while an agent closes is refused, and what was accepted is not',
    like: 'a flag that is set when closing is over',
    spoil: (inner) => {
      let isClosing = false;
      return {
        save: (state: unknown, options?: SaveOptions) =>
          isClosing ? Promise.resolve(99) : inner.save(state, options),
        close: async () => {
          isClosing = true;
          await inner.close();
          isClosing = false;
        },
      };
    },
  }),
  agentFault({
    name: 'await using does not close',
    breaks: 'lifecycle',
    caughtBy: 'await using closes',
    like: 'a method that was added later',
    spoil: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  }),
  agentFault({
    name: 'closing one handle closes the others',
    breaks: 'lifecycle',
    caughtBy: 'closing one handle leaves the others at work',
    like: 'a client that handles share without counting them',
    shared: () => new Set<DataAgent<unknown>>(),
    spoil: (inner, all) => {
      all.add(inner);
      return {
        close: async () => {
          await Promise.all([...all].map((each) => each.close()));
        },
      };
    },
  }),
  agentFault({
    name: 'every handle leaves a timer',
    breaks: 'lifecycle',
    caughtBy: 'opening and closing many handles leaves nothing behind',
    like: '`setInterval(flush, 1000)` without clearInterval: the process never ends',
    shared: () => [] as NodeJS.Timeout[],
    spoil: (_, timers) => {
      timers.push(setInterval(() => undefined, 60_000));
      return {};
    },
    clear: (timers) => timers.forEach(clearInterval),
  }),
  agentFault({
    name: 'ready can be called once',
    breaks: 'lifecycle',
    caughtBy: 'ready can be called any number of times, at once and later, and need not be',
    like: '"Client has already been connected. You cannot reuse a client."',
    spoil: (inner) => {
      let count = 0;
      return {
        ready: async (options?: object) => {
          const found = await inner.ready(options);
          if (++count > 3) throw new Error('Client has already been connected. You cannot reuse a client.');
          return found;
        },
      };
    },
  }),
  agentFault({
    name: 'many calls at once are too many',
    breaks: 'lifecycle',
    caughtBy: 'many calls at once all settle',
    like: 'a queue with room for twenty: "Queue is full"',
    spoil: (inner) => {
      let underWay = 0;
      return {
        update: async (change: never, options?: object) => {
          if (underWay >= 18) throw new Error('Queue is full');
          underWay++;
          return inner.update(change, options).finally(() => {
            underWay--;
          });
        },
      };
    },
  }),
  agentFault({
    name: 'every read leaves a listener on the signal',
    breaks: 'lifecycle',
    caughtBy: 'a signal that serves many calls keeps no listener of any',
    like: 'Promise.race with an abort that never comes: MaxListenersExceededWarning, then no memory',
    spoil: (inner) => ({
      read: (options: LoadOptions = {}) => {
        if (options.signal instanceof AbortSignal) options.signal.addEventListener('abort', () => options);
        return inner.read(options);
      },
    }),
  }),
];
