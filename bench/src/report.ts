/** What came of a block, as a table for people and as data for programs. */
import { ratio, type Summary, summary, type Times } from './measure.js';

/** That `of` takes at most so many times as long as `to`, or is at least so many times as fast. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly most?: number;
  readonly least?: number;
}

/** Something counted rather than timed: bytes, statements, transactions. */
export interface Count {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly most?: number;
  readonly least?: number;
}

export interface Block {
  readonly name: string;
  readonly title: string;
  readonly times: Times;
  readonly comparisons: readonly Comparison[];
  readonly counts?: readonly Count[];
  readonly notes?: readonly string[];
}

export interface Compared extends Comparison {
  /** Times as long where `most` is the target or there is none; times as fast where `least` is. */
  readonly ratio: Summary;
  readonly met: boolean | undefined;
}

export function compared(times: Times, comparison: Comparison): Compared {
  const { of, to, most, least } = comparison;
  const found = least === undefined ? ratio(times, of, to) : ratio(times, to, of);
  return { ...comparison, ratio: found, met: verdict(found.median, most, least) };
}

export function verdict(value: number, most?: number, least?: number): boolean | undefined {
  if (most !== undefined) return value <= most;
  return least === undefined ? undefined : value >= least;
}

export function asData({ name, title, times, comparisons, counts = [], notes = [] }: Block): object {
  return {
    name,
    title,
    microseconds: Object.fromEntries(Array.from(times, ([each, values]) => [each, summary(values)])),
    comparisons: comparisons.map((comparison) => compared(times, comparison)),
    counts: counts.map((count) => ({ ...count, met: verdict(count.value, count.most, count.least) })),
    notes,
  };
}

export function asText({ name, title, times, comparisons, counts = [], notes = [] }: Block): string {
  const timed = Array.from(times, ([each, values]) => [each, `${spread(summary(values))} µs`]);
  const ratios = comparisons.map((comparison) => {
    const { of, to, most, least, ratio: found, met } = compared(times, comparison);
    const wanted = most === undefined ? (least === undefined ? '' : `≥ ${least}`) : `≤ ${most}`;
    const said = `${least === undefined ? 'takes' : 'is'} × ${spread(found)}${least === undefined ? '' : ' as fast'}`;
    return [`${of} : ${to}`, said, wanted, sign(met)];
  });
  const counted = counts.map(({ name: what, value, unit, most, least }) => {
    const wanted = most === undefined ? (least === undefined ? '' : `≥ ${least}`) : `≤ ${most}`;
    return [what, `${rounded(value)} ${unit}`, wanted, sign(verdict(value, most, least))];
  });
  const lines = [...table(timed), '', ...table([...ratios, ...counted]), ...notes.map((note) => `(${note})`)];
  return [`${name}: ${title}`, ...lines.map((line) => `  ${line}`.trimEnd()), ''].join('\n');
}

function sign(met: boolean | undefined): string {
  return met === undefined ? '' : met ? 'met' : 'MISSED';
}

function spread({ median, low, high }: Summary): string {
  return `${rounded(median)} (${rounded(low)}–${rounded(high)})`;
}

function rounded(value: number): string {
  return value.toLocaleString('en', {
    maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0,
  });
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  '));
}
