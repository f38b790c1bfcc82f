import { atomicity } from './atomicity.js';
import { capabilities } from './capabilities.js';
import { concurrency } from './concurrency.js';
import { crashes } from './crashes.js';
import { durability } from './durability.js';
import { errors } from './errors.js';
import { folding } from './folding.js';
import { history } from './history.js';
import { isolation } from './isolation.js';
import { keys } from './keys.js';
import { lifecycle } from './lifecycle.js';
import { operations } from './operations.js';
import { subscriptions } from './subscriptions.js';
import type { EventStreamSuite } from './suite.js';
import { values } from './values.js';
import { versions } from './versions.js';

/** In the order of PROMISES: what much rests on comes first. */
export const streamSuites: readonly EventStreamSuite[] = [
  capabilities,
  values,
  isolation,
  keys,
  history,
  versions,
  operations,
  atomicity,
  folding,
  subscriptions,
  errors,
  lifecycle,
  concurrency,
  durability,
  crashes,
];
