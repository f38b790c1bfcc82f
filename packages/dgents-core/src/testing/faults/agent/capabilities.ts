import type { Capabilities } from '../../../data-agent.js';
import { agentFault } from '../spoiled-agent.js';

const claiming = (
  { capabilities }: { readonly capabilities: Capabilities },
  more: Partial<Capabilities>,
) => ({
  ...capabilities,
  ...more,
});

export const capabilityFaults = [
  agentFault({
    name: 'promises to survive a power cut until it is asked',
    breaks: 'capabilities',
    caughtBy: 'before it is ready, an agent claims nothing that it takes back later',
    like: 'a default written down before the server was asked',
    spoil: (inner) => {
      let isReady = false;
      return {
        get capabilities() {
          return claiming(inner, isReady ? {} : { durability: 'power' });
        },
        ready: (options?: object) => {
          isReady = true;
          return inner.ready(options);
        },
      };
    },
  }),
  agentFault({
    name: 'goes on telling what it was told before it was ready',
    breaks: 'capabilities',
    caughtBy: 'once ready, the capabilities are those that are claimed',
    like: 'a copy taken in a constructor',
    spoil: (inner) => ({ capabilities: claiming(inner, { durability: 'unknown' }) }),
  }),
];
