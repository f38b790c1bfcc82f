/**
 * Saves larger and larger states until one is refused, then a small one with the same handle. Told before each: "go".
 *
 * Settings: path, descriptors (open so many files first). Tells { refused, saved } and { again }.
 */
import { closeSync, openSync } from 'node:fs';
import { PersistentAgent } from 'dgents-core';
import { plainError, settings, tell } from './messages.mjs';

const { path, descriptors } = settings;
const agent = new PersistentAgent({ path });
const taken = [];
let saved = 0;
await agent.ready();
try {
  if (descriptors) for (;;) taken.push(openSync('/dev/null'));
} catch (error) {
  if (error.code !== 'EMFILE') throw error;
}
try {
  for (let size = 1; size < 2 ** 24; size *= 2) {
    await agent.save({ size, text: '.'.repeat(size) });
    saved = size;
  }
  tell({ refused: null });
} catch (error) {
  tell({ refused: plainError(error), saved });
}
for (const descriptor of taken) closeSync(descriptor);
try {
  const { version } = await agent
    .update(() => ({ size: 0, text: '' }))
    .catch(async (error) => {
      if (error.code !== 'DGENTS_STATE_NOT_FOUND') throw error;
      return { version: await agent.save({ size: 0, text: '' }) };
    });
  tell({ again: version });
} catch (error) {
  tell({ again: null, failed: plainError(error) });
}
await agent.close();
