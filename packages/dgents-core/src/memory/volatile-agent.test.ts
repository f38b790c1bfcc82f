import { Store } from '../store.js';
import { agentOn } from '../testing/agent-subject.js';
import { describeDataAgent } from '../testing/index.js';
import { memoryBackend } from './memory-backend.js';

// A VolatileAgent has a memory of its own, and so no second handle: here are those of a store, kept as values and as text.
for (const values of [true, false]) {
  describeDataAgent({
    describe,
    test,
    name: `agents in memory, kept as ${values ? 'values' : 'text'}`,
    claims: { ttl: true },
    create: () => memoryBackend({ values }),
    open: (place, settings) => agentOn(new Store(memoryBackend({ sharing: place, values })), settings),
    destroy: (place) => place.close(),
  });
}
