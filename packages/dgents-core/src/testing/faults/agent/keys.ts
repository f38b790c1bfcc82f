import { agentFault } from '../spoiled-agent.js';

export const keyFaults = [
  agentFault({
    name: 'a slash in a key becomes an underscore',
    breaks: 'keys',
    caughtBy: 'neighbours are states of their own',
    like: '`key.replace(/[^\\w]/g, "_")` on the way to a file name',
    settings: (given) => ({ ...given, key: given.key.replaceAll('/', '_') }),
  }),
  agentFault({
    name: 'keys are normalised',
    breaks: 'keys',
    caughtBy: 'hostile keys are states of their own',
    like: 'file systems of Apple; identifiers in SQL',
    settings: (given) => ({ ...given, key: given.key.normalize('NFKC') }),
  }),
  agentFault({
    name: 'keys are stored as UTF-8',
    breaks: 'keys',
    caughtBy: 'keys that hold half a surrogate pair are states of their own',
    like: '`Buffer.from(key)`: every lone surrogate becomes U+FFFD',
    settings: (given) => ({ ...given, key: Buffer.from(given.key).toString() }),
  }),
  agentFault({
    name: 'a key that is too long is cut',
    breaks: 'keys',
    caughtBy: 'a key that is not taken is refused with InvalidKeyError, and never cut or changed',
    like: 'varchar(1024)',
    settings: (given) => ({ ...given, key: given.key.slice(0, 1_024) }),
  }),
  agentFault({
    name: 'deleting a key deletes all that begin with it',
    breaks: 'keys',
    caughtBy: 'deleting a key leaves its neighbours alone',
    like: '`DEL user:*`; rmdir of a directory per key',
    spoil: (inner, _, { key }, { memory }) => ({
      delete: async (options?: object) => {
        const had = await inner.delete(options);
        if (!key.startsWith('user')) return had;
        const { Store } = await import('../../../store.js');
        const { memoryBackend } = await import('../../../memory/memory-backend.js');
        const store = new Store(memoryBackend({ sharing: memory }));
        for await (const found of store.keys(`${key}:`)) await store.agent(found.key).delete();
        await store.close();
        return had;
      },
    }),
  }),
];
