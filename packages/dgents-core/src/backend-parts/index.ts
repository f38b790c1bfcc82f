/**
 * Parts that most backends need: what follows from the port alone, whatever a store is made of. A backend takes those
 * that suit it.
 */
export { type Answerable, answerTo, decide } from './answers.js';
export { Call, type Doubt, failureOfAll, settle, unknown as outcomeUnknown } from './call.js';
export { claiming } from './capabilities.js';
export { checkCommit, checkLimit, checkRead } from './checks.js';
export { byCodePoint } from './code-point-order.js';
export { EmbeddedDatabase, type EmbeddedDatabaseOptions } from './embedded-database.js';
export { GroupCommit } from './group-commit.js';
export { headChanges } from './head-changes.js';
export { iterable } from './iterable.js';
export { bytesOfKey, keyOfBytes } from './key-bytes.js';
export { type Endable, LiveIterator, type LiveIteratorOptions } from './live-iterator.js';
export { headOf, type LogView } from './log-view.js';
export { PolledIterator, type PolledIteratorOptions } from './polled-iterator.js';
export { rangeOver, tailOf } from './tails.js';
export { sealed, sealedRecord, unsealed } from './texts.js';
