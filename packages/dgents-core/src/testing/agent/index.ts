import { capabilities } from './capabilities.js';
import { concurrency } from './concurrency.js';
import { crashes } from './crashes.js';
import { durability } from './durability.js';
import { errors } from './errors.js';
import { history } from './history.js';
import { isolation } from './isolation.js';
import { keys } from './keys.js';
import { lifecycle } from './lifecycle.js';
import { limits } from './limits.js';
import { operations } from './operations.js';
import { retention } from './retention.js';
import type { AgentSuite } from './suite.js';
import { ttl } from './ttl.js';
import { values } from './values.js';
import { versions } from './versions.js';
import { watch } from './watch.js';

/** In the order of PROMISES: what much rests on comes first. */
export const agentSuites: readonly AgentSuite[] = [
  capabilities,
  values,
  isolation,
  keys,
  history,
  versions,
  operations,
  retention,
  ttl,
  watch,
  errors,
  limits,
  lifecycle,
  concurrency,
  durability,
  crashes,
];
