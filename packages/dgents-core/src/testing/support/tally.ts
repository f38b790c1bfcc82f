/** The stream that the facts work with: its events, its fold, and what a fact asks of both. */
import assert from 'node:assert/strict';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream, EventStreamSettings, StreamEvent, StreamRecorded } from '../stream-subject.js';
import { assertSame } from './account.js';

/** What the events of the kit lead to. */
export interface Tally {
  /** How many events there were. */
  readonly count: number;
  /** What was put minus what was taken. */
  readonly stock: number;
  /** Another one for any other order, and for an event more or less. */
  readonly digest: number;
  /** What the last event that carried something has carried. */
  readonly held: unknown;
}

export const put = (amount: number): StreamEvent => ({ type: 'put', amount });
export const took = (amount: number): StreamEvent => ({ type: 'took', amount });
export const hold = (value: unknown): StreamEvent => ({ type: 'held', value });
/** One that the fold throws at. */
export const REFUSED: StreamEvent = { type: 'refused' };

const EMPTY: Tally = { count: 0, stock: 0, digest: 0, held: null };

function fold(state: unknown, event: StreamEvent): Tally {
  const { count, stock, digest, held } = state as Tally;
  const after = (by: number, next: unknown = held): Tally => ({
    count: count + 1,
    stock: stock + by,
    digest: (digest * 31 + by * 7 + count) % 1_000_003,
    held: next,
  });
  switch (event.type) {
    case 'put':
      return after(event['amount'] as number);
    case 'took':
      return after(-(event['amount'] as number));
    case 'held':
      return after(0, event['value']);
    case 'refused':
      throw new RangeError('the fold refuses this event');
    default:
      throw new TypeError(`the fold does not know ${JSON.stringify(event.type)}`);
  }
}

/** `{ take: 3 }` where there is so much; `{ put: [1, 2] }`: an event for each. */
function decide(command: unknown, state: unknown): readonly StreamEvent[] {
  const { take = 0, put: amounts = [] } = command as { take?: number; put?: readonly number[] };
  if (take > (state as Tally).stock) throw new RangeError('there is not so much');
  return [...amounts.map(put), ...(take > 0 ? [took(take)] : [])];
}

/** What every stream of the kit is opened with, unless a fact says otherwise. */
export const TALLY: Omit<EventStreamSettings, 'key'> = {
  initial: () => ({ ...EMPTY }),
  fold,
  decide,
  foldVersion: 1,
};

/** The same events, folded in another way: all that is put counts twice. */
export const DOUBLED: Pick<EventStreamSettings, 'fold' | 'foldVersion'> = {
  fold: (state, event) => fold(state, event.type === 'put' ? put(2 * (event['amount'] as number)) : event),
  foldVersion: 2,
};

/** The state that these events lead to: what every stream has to come to. */
export function foldOf(
  events: readonly StreamEvent[],
  { fold: folding = fold }: Partial<Pick<EventStreamSettings, 'fold'>> = {},
): unknown {
  return events.reduce<unknown>((state, event) => folding(state, event), { ...EMPTY });
}

/** Everything that is stored, with its versions held against 1, 2, 3 … */
export async function recorded(stream: EventStream): Promise<StreamRecorded[]> {
  const all: StreamRecorded[] = [];
  for await (const each of stream.events()) {
    all.push(each);
    assert.equal(each.version, all.length, 'versions are 1, 2, 3 … in the order of the stream');
  }
  return all;
}

export async function eventsOf(stream: EventStream): Promise<StreamEvent[]> {
  return (await recorded(stream)).map(({ event }) => event);
}

/** A new handle finds these events, and the state that they lead to. */
export async function assertHolds(
  bench: EventStreamBench,
  events: readonly StreamEvent[],
  key = 'stream',
): Promise<void> {
  const stream = await bench.open({ key });
  assertSame(await eventsOf(stream), events, 'the stream holds other events');
  assertSame(await stream.load(), foldOf(events), 'the state is not what the events lead to');
}

/** Put events of these amounts. */
export function puts(from: number, to: number): StreamEvent[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => put(from + i));
}
