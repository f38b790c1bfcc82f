/** Timing that survives a noisy machine: rounds interleaved, medians with spread, ratios taken round by round. */

/** @param {number[]} values */
export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    median: at(0.5),
    low: at(0.1),
    high: at(0.9),
    p99: at(0.99),
    max: sorted.at(-1),
    count: sorted.length,
  };
}

/** Microseconds of one call, averaged over `count` calls. */
export async function each(count, work) {
  const begin = process.hrtime.bigint();
  for (let index = 0; index < count; index += 1) await work(index);
  return Number(process.hrtime.bigint() - begin) / count / 1000;
}

/** Microseconds of one awaited call. */
export async function once(work) {
  const begin = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - begin) / 1000;
}

/**
 * Runs every contender once a round, in turn, and gives medians and the ratios to the first one of the same round.
 * @param {Record<string, () => Promise<number> | number>} contenders each returns microseconds
 */
export async function interleaved(rounds, contenders) {
  const names = Object.keys(contenders);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const name of names) {
      const time = await contenders[name]();
      if (round >= 0) times[name].push(time);
    }
  }
  const base = times[names[0]];
  return Object.fromEntries(
    names.map((name) => [
      name,
      { us: summary(times[name]), ratio: summary(times[name].map((time, round) => time / base[round])) },
    ]),
  );
}

export const round = (value, digits = 2) => Number(value.toFixed(digits));

/** One line of a table: median with the middle 80 % in brackets. */
export function spread({ median, low, high }, digits = 2) {
  return `${round(median, digits)} (${round(low, digits)}–${round(high, digits)})`;
}
