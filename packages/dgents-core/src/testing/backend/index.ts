import { atomicity } from './atomicity.js';
import { capabilities } from './capabilities.js';
import { concurrency } from './concurrency.js';
import { crashes } from './crashes.js';
import { durability } from './durability.js';
import { errors } from './errors.js';
import { feed } from './feed.js';
import { history } from './history.js';
import { isolation } from './isolation.js';
import { keys } from './keys.js';
import { lifecycle } from './lifecycle.js';
import { limits } from './limits.js';
import { lostReplies } from './lost-replies.js';
import { operations } from './operations.js';
import { retention } from './retention.js';
import type { BackendSuite } from './suite.js';
import { together } from './together.js';
import { ttl } from './ttl.js';
import { values } from './values.js';
import { versions } from './versions.js';
import { watch } from './watch.js';

/** In the order of PROMISES: what much rests on comes first. */
export const backendSuites: readonly BackendSuite[] = [
  capabilities,
  values,
  isolation,
  keys,
  history,
  versions,
  operations,
  lostReplies,
  atomicity,
  retention,
  ttl,
  watch,
  feed,
  errors,
  limits,
  lifecycle,
  concurrency,
  durability,
  crashes,
  together,
];
