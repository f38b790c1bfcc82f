/** The whole kit on states of which everything is compressed and encrypted: in memory, and in a file. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PersistentAgent } from '../file/persistent-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { agentOn } from '../testing/agent-subject.js';
import { describeDataAgent } from '../testing/index.js';
import { compress, encrypt, type Transform } from './index.js';

const keys = [{ id: '1', key: Buffer.from('it is only a test, of 32 bytes..') }];

function transforms(context?: string): readonly Transform[] {
  return [compress({ minBytes: 64 }), encrypt({ keys, ...(context !== undefined && { context }) })];
}

/** One list, so that handles share what they know of a log. */
const shared = transforms();

describeDataAgent({
  describe,
  test,
  name: 'agents in memory, compressed and encrypted',
  claims: { ttl: true },
  create: () => memoryBackend(),
  open: (place, settings) => {
    const options = { ...settings, transforms: shared };
    return agentOn(new Store(memoryBackend({ sharing: place })), options);
  },
  destroy: (place) => place.close(),
});

describeDataAgent({
  describe,
  test,
  name: 'PersistentAgent, compressed and encrypted',
  claims: { durability: 'power', sharing: 'host' },
  importFrom: new URL('../../test/subjects/encrypted-file.mjs', import.meta.url),
  create: () => mkdtempSync(join(tmpdir(), 'dgents-encrypted-')),
  open: (place, { key, ...options }) => {
    const name = createHash('sha256').update(key, 'utf16le').digest('hex');
    return new PersistentAgent<unknown>({
      ...options,
      path: join(place, `${name}.jsonl`),
      transforms: transforms(key),
    });
  },
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
});
