/** The names of what calls may be told: a misspelt `expectedVersion` would be an append that compares with nothing. */
import type { CallOptions } from 'dgents-core';
import type { OptionNames } from 'dgents-core/folding';
import type { CompactOptions } from '../compaction/compact.js';
import type { AppendOptions, EventsOptions, SubscribeOptions } from './stream-agent.js';

export const CALL: OptionNames<CallOptions> = { timeoutMs: true, signal: true };

export const APPEND: OptionNames<AppendOptions> = {
  expectedVersion: true,
  messageId: true,
  correlationId: true,
  causationId: true,
  metadata: true,
  ...CALL,
};

export const EVENTS: OptionNames<EventsOptions> = {
  from: true,
  to: true,
  type: true,
  reverse: true,
  ...CALL,
};

export const SUBSCRIBE: OptionNames<SubscribeOptions> = {
  from: true,
  type: true,
  signal: true,
  pollMs: true,
};

export const COMPACT: OptionNames<CompactOptions> = { before: true, archive: true, ...CALL };
