/**
 * For packages that keep events in logs, such as `dgents-stream`: an agent whose state is folded of them. Not for
 * applications, and not yet stable.
 */

export { checkOptions, type OptionNames } from '../option-names.js';
export { checkMeta } from '../state/arguments.js';
export {
  CONSUMERS_KEY,
  type Consumer,
  type FeedConsumer,
  type Needed,
  neededFrom,
  type StreamConsumer,
} from '../state/consumers.js';
export type { EventRules, Tail } from '../state/events.js';
export type { Bell } from '../state/watch.js';
export {
  appendTogether,
  type Beside,
  type StreamAppend,
  type StreamRecords,
  type TogetherOptions,
} from './append-together.js';
export { changeTogether, type TogetherChange } from './change-together.js';
export type { Compaction, HeldBack, Stretch } from './compaction.js';
export { EventReader } from './event-reader.js';
export {
  type Appended,
  type AppendOptions,
  type CaughtUp,
  type EventRange,
  FoldedAgent,
  type FoldedOptions,
  type GivenEvent,
  type StoredEvent,
  type TogetherAppend,
} from './folded-agent.js';
export type { Draft } from './repeats.js';
