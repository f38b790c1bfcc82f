/** One of each call that ends by itself, for facts about all of them. */
import type { Backend, CallOptions } from '../../../backend.js';
import type { GivenBackend } from '../../subject.js';
import { all, appendOf, checkpointOf, record } from '../../support/records.js';

export type NamedCall = readonly [name: string, call: (options: CallOptions) => Promise<unknown>];

export function callsOn(backend: Backend, { claims }: GivenBackend): NamedCall[] {
  const first = record(1);
  const calls: NamedCall[] = [
    ['ready', (options) => backend.ready(options)],
    ['read', (options) => backend.read('k', options)],
    ['commit', (options) => backend.commit([appendOf('k', first, record(2))], options)],
    ['commit to a new log', (options) => backend.commit([appendOf(first.id, null, first)], options)],
    ['checkpoint', (options) => backend.checkpoint('k', checkpointOf(first), options)],
    ['range', (options) => all(backend.range('k', options))],
    ['trim', (options) => backend.trim('k', checkpointOf(first), options)],
    ['keys', (options) => all(backend.keys('', options))],
  ];
  if (claims.find) calls.push(['find', (options) => backend.find!('k', ['x'], options)]);
  if (claims.feed !== false) {
    calls.push(['feed', (options) => all(backend.feed!(undefined, { ...options, limit: 1 }))]);
  }
  return calls;
}

/** Either way is right, so long as it settles. */
export function assertSettled(outcome: PromiseSettledResult<unknown>): void {
  if (outcome.status === 'rejected' && (outcome.reason as Error)?.name === 'Hung') throw outcome.reason;
}
