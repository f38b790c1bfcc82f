import type { Fault } from '../fault.js';
import { capabilityFaults } from './capabilities.js';
import { concurrencyFaults } from './concurrency.js';
import { durabilityFaults } from './durability.js';
import { errorFaults } from './errors.js';
import { historyFaults } from './history.js';
import { isolationFaults } from './isolation.js';
import { keyFaults } from './keys.js';
import { lifecycleFaults } from './lifecycle.js';
import { limitFaults } from './limits.js';
import { operationFaults } from './operations.js';
import { retentionFaults } from './retention.js';
import { ttlFaults } from './ttl.js';
import { valueFaults } from './values.js';
import { versionFaults } from './versions.js';
import { watchFaults } from './watch.js';

/** In the order of PROMISES. */
export const agentFaults: readonly Fault[] = [
  ...capabilityFaults,
  ...valueFaults,
  ...isolationFaults,
  ...keyFaults,
  ...historyFaults,
  ...versionFaults,
  ...operationFaults,
  ...retentionFaults,
  ...ttlFaults,
  ...watchFaults,
  ...errorFaults,
  ...limitFaults,
  ...lifecycleFaults,
  ...concurrencyFaults,
  ...durabilityFaults,
];
