/** Adding to a number somewhere in a state. */

/** Names of fields that hold a number. */
type NumericField<S> = S extends object
  ? { [Name in keyof S & string]: S[Name] extends number | undefined ? Name : never }[keyof S & string]
  : never;

/** Where a number is: the name of a field, or the names and indexes that lead there; `[]` is the state itself. */
export type NumberPath<S> = NumericField<S> | readonly (string | number)[];

/** @throws TypeError when it is no path, or a name that no state should be reached by */
export function stepsOf(path: unknown): readonly (string | number)[] {
  const steps = typeof path === 'string' ? [path] : path;
  if (Array.isArray(steps) && steps.every(isStep)) return [...steps];
  throw new TypeError(
    "A path is the name of a field, or an array of names and indexes, as in ['counts', 'visits'].",
  );
}

function isStep(step: unknown): boolean {
  // Assigning to it would set a prototype, and no number.
  if (step === '__proto__') return false;
  return typeof step === 'string' || (Number.isSafeInteger(step) && (step as number) >= 0);
}

/** @throws TypeError when it is no finite number */
export function checkStep(by: unknown): void {
  if (typeof by !== 'number' || !Number.isFinite(by)) throw new TypeError(`by is ${by}, not a finite number`);
}

/**
 * Adds to a number in a draft. A field that is not there counts as 0.
 *
 * @returns the number as it is then, and, where the state itself is the number, the next state
 * @throws TypeError where there is no number, or the way there ends; RangeError where the sum is no finite number, or
 *   nothing is added since the number has no more digits
 */
export function added(draft: unknown, steps: readonly (string | number)[], by: number): number {
  let place = draft;
  for (const step of steps.slice(0, -1)) place = own(place, step, steps);
  const last = steps.at(-1);
  const before = last === undefined ? draft : own(place, last, steps);
  const sum = numberAt(before, steps) + by;
  if (!Number.isFinite(sum)) throw new RangeError(`${told(steps)} would become ${sum}`);
  if (sum === before && by !== 0) {
    throw new RangeError(`${told(steps)} is ${sum}, of which ${by} is lost: a number holds no more digits`);
  }
  if (last !== undefined) (place as Record<string | number, unknown>)[last] = sum;
  return sum;
}

/** The number to which a path leads in a state. */
export function numberIn(state: unknown, steps: readonly (string | number)[]): number {
  return numberAt(
    steps.reduce((place, step) => own(place, step, steps), state),
    steps,
  );
}

/** What an object or array itself holds: nothing that it inherits. */
function own(place: unknown, step: string | number, steps: readonly (string | number)[]): unknown {
  // Others round what they are given, or are not kept field by field.
  if (!Array.isArray(place) && !isPlain(place)) {
    throw new TypeError(
      `${told(steps)} leads through what is no plain object and no array, at ${JSON.stringify(step)}`,
    );
  }
  if (Array.isArray(place) && (typeof step !== 'number' || step >= place.length)) {
    throw new TypeError(`${told(steps)} leads to ${JSON.stringify(step)} of a list of ${place.length}`);
  }
  return Object.hasOwn(place, step) ? (place as Record<string | number, unknown>)[step] : undefined;
}

/** Of whichever realm. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function numberAt(value: unknown, steps: readonly (string | number)[]): number {
  if (value === undefined && steps.length > 0) return 0;
  if (typeof value === 'number') return value;
  throw new TypeError(`${told(steps)} is ${value === null ? 'null' : typeof value}, not a number`);
}

function told(steps: readonly (string | number)[]): string {
  return steps.length === 0 ? 'the state' : JSON.stringify(steps);
}
