/** What an agent at some depth of a tree of agents may weigh. */

/** The part of the full size that an agent at this depth may use: greater than 0, at most 1. */
export type BudgetRule = (depth: number) => number;

/** The rule of the J-gents: all of it at the root, a half below it, then a third. */
export const perDepth: BudgetRule = (depth) => 1 / (depth + 1);

/** What a root may weigh unless told, in bytes. */
export const DEFAULT_MAX_BYTES = 1_000_000;

/** @throws TypeError, RangeError */
export function checkBudget(budget: number): number {
  if (typeof budget !== 'number') throw new TypeError(`budget is a number, not ${typeof budget}.`);
  if (!(budget > 0 && budget <= 1))
    throw new RangeError(`budget is greater than 0 and at most 1, not ${budget}.`);
  return budget;
}

/** @throws TypeError, RangeError */
export function checkWhole(name: string, value: number, from: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} is a number, not ${typeof value}.`);
  if (!Number.isSafeInteger(value) || value < from) {
    throw new RangeError(`${name} is a whole number from ${from} on, not ${value}.`);
  }
  return value;
}

/** @throws RangeError when nothing at all would fit */
export function limitOf(maxBytes: number, budget: number): number {
  const limit = Math.floor(maxBytes * budget);
  if (limit >= 1) return limit;
  throw new RangeError(
    `A budget of ${budget} of ${maxBytes} bytes leaves no room for any state. Raise maxBytes.`,
  );
}
