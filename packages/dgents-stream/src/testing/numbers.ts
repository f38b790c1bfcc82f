/** A stream of numbers, whose state is the list of them: what is lost, doubled or out of order shows. */
import { type AnyEvent, defineStream, type StreamDefinition } from '../index.js';

export interface Counted extends AnyEvent {
  readonly type: 'n';
  readonly n: number;
}

export interface Numbers {
  readonly list: readonly number[];
}

export type NumbersDefinition = StreamDefinition<Counted, Numbers, readonly number[]>;

export const counted = (n: number): Counted => ({ type: 'n', n });

/** Each one a definition of its own, which shares nothing with others in memory. */
export function numbers(changes: Partial<NumbersDefinition> = {}): NumbersDefinition {
  return defineStream<Counted, Numbers, readonly number[]>({
    initial: () => ({ list: [] }),
    fold: ({ list }, { n }) => ({ list: [...list, n] }),
    decide: (command) => command.map(counted),
    snapshots: false,
    ...changes,
  });
}

/** The numbers from one to another, both included. */
export function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
