export { batch, fork, pipe } from './compose.js';
export type { Logic, Step, SyncLogic } from './logic.js';
export { Symbiont, type SymbiontOptions } from './symbiont.js';
