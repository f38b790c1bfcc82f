import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeDataAgent } from '../testing/index.js';
import { PersistentAgent } from './persistent-agent.js';

const FORMATS = [
  { format: 'journal', module: 'persistent.mjs', extension: 'jsonl' },
  { format: 'json', module: 'persistent-json.mjs', extension: 'json' },
] as const;

for (const { format, module, extension } of FORMATS) {
  describeDataAgent({
    describe,
    test,
    name: `PersistentAgent, format ${format}`,
    claims: { durability: 'power', sharing: 'host', history: format === 'journal' },
    // For processes of their own, which run what is built, on the same paths.
    importFrom: new URL(`../../test/subjects/${module}`, import.meta.url),
    create: () => mkdtempSync(join(tmpdir(), 'dgents-agent-')),
    open: (place, { key, ...options }) =>
      new PersistentAgent<unknown>({
        ...options,
        path: join(place, `${createHash('sha256').update(key, 'utf16le').digest('hex')}.${extension}`),
        format,
      }),
    destroy: (place) => rmSync(place, { recursive: true, force: true }),
  });
}
