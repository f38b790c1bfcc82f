import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeBackendContract } from '../../test/backend-contract.js';
import { fileBackend } from './file-backend.js';

for (const durability of ['power', 'process'] as const) {
  describeBackendContract(
    `file, ${durability}`,
    async () => {
      const path = mkdtempSync(join(tmpdir(), 'dgents-file-'));
      const open = async () => fileBackend({ path: join(path, 'store'), durability });
      const backend = await open();
      const opened = [backend];
      const another = async () => {
        const next = await open();
        opened.push(next);
        return next;
      };
      return {
        backend,
        reopen: async () => {
          await backend.close();
          return another();
        },
        second: another,
        destroy: async () => {
          await Promise.all(opened.map((each) => each.close()));
          rmSync(path, { recursive: true });
        },
      };
    },
    { atomicity: 'key', feed: false, orderedKeys: true, find: true, reopen: true, second: true },
  );
}
