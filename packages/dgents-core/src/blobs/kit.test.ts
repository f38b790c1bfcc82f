/** The whole kit on states of which all bytes, however few, lie in a blob store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { agentOn } from '../testing/agent-subject.js';
import { describeDataAgent } from '../testing/index.js';
import { compress } from '../transforms/index.js';
import { FileBlobStore } from './index.js';

const transforms = [compress({ minBytes: 64 })];

describeDataAgent({
  describe,
  test,
  name: 'agents in memory, bytes in files',
  claims: { ttl: true },
  create: () => {
    const folder = mkdtempSync(join(tmpdir(), 'dgents-blobs-'));
    return { folder, backend: memoryBackend(), blobs: { store: new FileBlobStore(folder), threshold: 1 } };
  },
  open: ({ backend, blobs }, settings) => {
    const options = { ...settings, transforms, blobs };
    return agentOn(new Store(memoryBackend({ sharing: backend })), options);
  },
  destroy: async ({ folder, backend }) => {
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  },
});
