/** The kit can fail: backends that watch, feed, fail and end wrongly are caught too. See `self-backends.test.ts`. */
import { effortOf } from './effort.js';
import { liveFaults } from './faults/backend/index.js';
import { assertCaught } from './faults/verdict.js';
import { waitAtMost } from './support/patience.js';

/** Long enough for a slow machine, in memory. */
waitAtMost(1_000);
const effort = effortOf();

describe('broken backends', () => {
  const named = liveFaults.map((fault) => [`${fault.name} → ${fault.breaks}`, fault] as const);
  test.each(named)('%s', (_, fault) => assertCaught(fault, effort), 60_000);
});
