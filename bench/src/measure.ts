/** Timing that survives a noisy machine: rounds of all contenders in random order, ratios taken round by round. */

/** Does its work once and says how many microseconds one operation took. */
export type Contender = () => Promise<number>;

export interface Summary {
  readonly median: number;
  /** The lower and the upper quartile. */
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** The microseconds of every contender, round by round. */
export type Times = ReadonlyMap<string, readonly number[]>;

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return { median: at(0.5), low: at(0.25), high: at(0.75), rounds: sorted.length };
}

/** How long each contender runs before it is measured: what is measured is a process that has been at work for a while. */
const WARM_UP_MS = 2_000;

/** Runs every contender once a round, after it has warmed up. */
export async function interleaved(
  contenders: Readonly<Record<string, Contender>>,
  rounds: number,
  progress: (done: number) => void = () => undefined,
): Promise<Times> {
  for (const contender of Object.values(contenders)) {
    const until = performance.now() + WARM_UP_MS;
    while (performance.now() < until) await contender();
  }
  const times = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, contender] of shuffled(Object.entries(contenders))) {
      times.get(name)!.push(await contender());
    }
    progress(round / rounds);
  }
  return times;
}

/** How many times as long one took as the other, in the same round. */
export function ratio(times: Times, name: string, to: string): Summary {
  const base = times.get(to);
  const values = times.get(name);
  if (base === undefined || values === undefined) throw new RangeError(`nothing measured ${name} and ${to}`);
  return summary(values.map((time, round) => time / base[round]!));
}

/** Microseconds of one call, one after the other. */
export async function each(count: number, work: (index: number) => unknown): Promise<number> {
  const began = process.hrtime.bigint();
  for (let index = 0; index < count; index++) await work(index);
  return Number(process.hrtime.bigint() - began) / count / 1_000;
}

/** The same for calls that return at once: an `await` each would be charged to the raw driver. */
export async function eachNow(count: number, work: (index: number) => void): Promise<number> {
  const began = process.hrtime.bigint();
  for (let index = 0; index < count; index++) work(index);
  return Number(process.hrtime.bigint() - began) / count / 1_000;
}

/** Microseconds for each of so many operations that `work` does together. */
export async function together(count: number, work: () => unknown): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / count / 1_000;
}

export function shuffled<T>(given: readonly T[]): T[] {
  const mixed = [...given];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}
