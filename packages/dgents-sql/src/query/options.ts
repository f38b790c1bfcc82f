/** What is asked of the current states of many agents, and what comes back. */
import type { CallOptions } from 'dgents-core';
import type { Condition, Path, PathTo } from './conditions.js';

/** Which states are looked at. */
export interface Selection<S> extends CallOptions {
  /** All states whose key begins with exactly this; `''` for all. This agent's own unless given. */
  readonly keys?: string;
  /** Conditions that all hold. */
  readonly where?: readonly Condition<S>[];
  /** Bounds on the current version, both included. */
  readonly version?: { readonly from?: number; readonly to?: number };
  /** Bounds on when the current version was saved, both included; by the clocks of those who saved. */
  readonly savedAt?: { readonly from?: Date; readonly to?: Date };
}

export interface QueryOptions<S> extends Selection<S> {
  /**
   * In which order, by one field or more, at most 20: numbers, then strings (by code points), then Dates, then everything
   * else, each `descending` if wanted; states that are equal in it by key. By key unless given. Not with `after`.
   */
  readonly orderBy?: readonly { readonly path: Path<S>; readonly descending?: boolean }[];
  /** At most so many; 1,000 unless told. Ask for more, or go on `after` the last key. */
  readonly limit?: number;
  /** Only states whose key comes after this one. */
  readonly after?: string;
}

/** A state that was found, as it was at one moment. */
export interface Found<S> {
  readonly key: string;
  readonly state: S;
  readonly version: number;
  readonly savedAt: Date;
}

export type AggregateFunction = 'count' | 'sum' | 'avg' | 'min' | 'max';

/** A figure: how many states; or of the finite numbers at a path their sum, mean, smallest or largest. */
export type Figure<S> = 'count' | readonly [of: Exclude<AggregateFunction, 'count'>, path: PathTo<S, number>];

export interface AggregateOptions<
  S,
  F extends Readonly<Record<string, Figure<S>>>,
  P extends Path<S> = Path<S>,
> extends Selection<S> {
  /** The figures, under names of your own: `{ people: 'count', oldest: ['max', 'age'] }`. */
  readonly figures: F;
  /** One row for each value of this field: numbers, strings, Dates, all else by its JSON text; one row for all unless given. */
  readonly groupBy?: P;
  /** At most so many rows; 1,000 unless told. */
  readonly limit?: number;
}

/**
 * One row of figures. `group` is the value of the field, `undefined` where it is missing. A sum, mean, minimum or
 * maximum is null where there was no finite number; what is none is left out of all four.
 */
export type Figures<F, G = unknown> = { readonly group?: G } & {
  readonly [Name in keyof F]: F[Name] extends 'count' ? number : number | null;
};
