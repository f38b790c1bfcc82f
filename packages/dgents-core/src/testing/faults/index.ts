import { agentFaults } from './agent/index.js';
import { backendFaults } from './backend/index.js';
import type { Fault } from './fault.js';
import { streamFaults } from './stream/index.js';
import { wrapperFaults } from './wrapper/index.js';

/** Every fault that the kit has to catch within one process. Those that need processes of their own are in `crashes/`. */
export const faults: readonly Fault[] = [...backendFaults, ...agentFaults, ...wrapperFaults, ...streamFaults];
