import { forwarding } from './forwarding.js';
import type { WrapperSuite } from './suite.js';

export const wrapperSuites: readonly WrapperSuite[] = [forwarding];
