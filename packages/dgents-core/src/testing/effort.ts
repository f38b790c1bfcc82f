/**
 * How hard the kit tries. `ci` is for every change and takes seconds; `long` is for the night before a release: many
 * more random runs, kills and processes.
 */
export type EffortName = 'ci' | 'long';

/** How many times as many random runs, kills and rounds `long` makes. */
const LONG = 25;

export interface Effort {
  readonly name: EffortName;
  /** So many, or many more. */
  times(count: number): number;
  /** Decides every random choice. A failure prints it; `DGENTS_KIT_SEED` sets it. */
  readonly seed: number;
}

export function effortOf({ effort, seed }: { effort?: EffortName; seed?: number } = {}): Effort {
  const name = effort ?? process.env['DGENTS_KIT_EFFORT'] ?? 'ci';
  if (name !== 'ci' && name !== 'long') {
    throw new RangeError(`DGENTS_KIT_EFFORT is ${JSON.stringify(name)}; there are "ci" and "long".`);
  }
  const chosen = seed ?? Number(process.env['DGENTS_KIT_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  if (!Number.isSafeInteger(chosen)) throw new RangeError('DGENTS_KIT_SEED is a whole number.');
  return { name, seed: chosen, times: (count) => (name === 'long' ? count * LONG : count) };
}
