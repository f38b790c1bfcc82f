import type { Fault } from '../fault.js';
import { atomicityFaults } from './atomicity.js';
import { capabilityFaults } from './capabilities.js';
import { concurrencyFaults } from './concurrency.js';
import { durabilityFaults } from './durability.js';
import { errorFaults } from './errors.js';
import { feedFaults } from './feed.js';
import { historyFaults } from './history.js';
import { isolationFaults } from './isolation.js';
import { keyFaults } from './keys.js';
import { lifecycleFaults } from './lifecycle.js';
import { limitFaults } from './limits.js';
import { operationFaults } from './operations.js';
import { retentionFaults } from './retention.js';
import { togetherFaults } from './together.js';
import { ttlFaults } from './ttl.js';
import { valueFaults } from './values.js';
import { versionFaults } from './versions.js';
import { watchFaults } from './watch.js';

/** What is kept, and how it is written and read. */
export const storedFaults: readonly Fault[] = [
  ...capabilityFaults,
  ...valueFaults,
  ...isolationFaults,
  ...keyFaults,
  ...historyFaults,
  ...versionFaults,
  ...operationFaults,
  ...atomicityFaults,
  ...retentionFaults,
  ...ttlFaults,
];

/** What happens meanwhile: others that look on, outages, deadlines, the end. */
export const liveFaults: readonly Fault[] = [
  ...watchFaults,
  ...feedFaults,
  ...errorFaults,
  ...limitFaults,
  ...lifecycleFaults,
  ...concurrencyFaults,
  ...durabilityFaults,
  ...togetherFaults,
];

/** In the order of PROMISES. */
export const backendFaults: readonly Fault[] = [...storedFaults, ...liveFaults];
