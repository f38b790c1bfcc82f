import { ends } from './forwarding/ends.js';
import { failures } from './forwarding/failures.js';
import { iterations } from './forwarding/iterations.js';
import { kinds } from './forwarding/kinds.js';
import { queues } from './forwarding/queues.js';
import { reads } from './forwarding/reads.js';
import { writes } from './forwarding/writes.js';
import { wrapperSuite } from './suite.js';

/** Every method, option, result and error, each passed on once; the claims say where a wrapper differs. */
export const forwarding = wrapperSuite('forwarding', [], (fact, subject) => {
  for (const part of [reads, writes, queues, iterations, failures, kinds, ends]) part(fact, subject);
});
