/**
 * The order in which jest runs the files: those first that take longest, so that no worker ends with minutes of work
 * alone. On a fresh clone jest knows nothing of how long they took, and would go by their size.
 */
import Sequencer from '@jest/test-sequencer';

/** The kit on a store, and the kit on itself. */
const SLOW = /self-\w+|backend\.(int\.)?test|code-blocks|\.int\.test/;
const SLOWEST = /self-backends|(file|sqlite|postgres|redis)-backend|self-agents|code-blocks|self-crashes/;

const rank = ({ path }) => (SLOWEST.test(path) ? 0 : SLOW.test(path) ? 1 : 2);

export default class SlowFirst extends Sequencer {
  sort(tests) {
    return Array.from(super.sort(tests)).sort((a, b) => rank(a) - rank(b));
  }
}
