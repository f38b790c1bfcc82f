import type { Fault } from '../fault.js';
import { comparedFaults } from './compared.js';
import { storedFaults } from './stored.js';
import { endedFaults, foldedFaults, subscriptionFaults } from './told.js';

export const streamFaults: readonly Fault[] = [
  ...storedFaults,
  ...comparedFaults,
  ...foldedFaults,
  ...subscriptionFaults,
  ...endedFaults,
];
