/** The whole kit around agents with a budget, in memory and in a file. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PersistentAgent } from '../file/persistent-agent.js';
import { describeDataAgent, describeWrapper } from '../testing/index.js';
import { EntropyConstrainedAgent } from './index.js';

const ROOM = 100_000_000;

describeWrapper({
  describe,
  test,
  name: 'a child’s budget for the state of its parent',
  claims: { closesInner: false },
  wrap: (inner) => new EntropyConstrainedAgent(inner, { maxBytes: ROOM }).child(),
});

describeDataAgent({
  describe,
  test,
  name: 'a budget around a file',
  importFrom: new URL('../../test/subjects/entropy-file.mjs', import.meta.url),
  claims: { durability: 'power', sharing: 'host' },
  create: () => mkdtempSync(join(tmpdir(), 'dgents-entropy-')),
  open: (place, { key, codec, ...options }) => {
    const path = join(place, `${createHash('sha256').update(key, 'utf16le').digest('hex')}.jsonl`);
    // The kit's limit of bytes is that of the budget, and not of the codec. What unfolds into billions is for the codec:
    // a budget weighs what can be stored.
    const isOurs = codec?.maxBytes === 2000;
    const inner = new PersistentAgent<unknown>({ ...options, path, ...(codec && !isOurs && { codec }) });
    return new EntropyConstrainedAgent(inner, { maxBytes: isOurs ? 2000 : ROOM });
  },
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
});
