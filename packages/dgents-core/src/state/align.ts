/**
 * Which elements of one array are which of another: the part of the diff that decides how small a patch is.
 *
 * What agents do to lists is append, insert, edit, remove, slide a window and move to the front. After the common
 * beginning and end are set aside, all of these leave a middle in which one long run is merely shifted; so a shifted
 * run is looked for first, and hashing is the exception.
 */

/** No counterpart. */
export const NONE = -1;

export interface Region {
  readonly from: readonly unknown[];
  readonly to: readonly unknown[];
  /** First index of the region, the same in both. */
  readonly start: number;
  readonly fromEnd: number;
  readonly toEnd: number;
}

type Same = (a: unknown, b: unknown) => boolean;

/** The region that is left when the common beginning and end are taken away. */
export function changedRegion(from: readonly unknown[], to: readonly unknown[], same: Same): Region {
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && (from[start] === to[start] ? identical(from[start], to[start]) : same(from[start], to[start]))) {
    start += 1;
  }
  let fromEnd = from.length;
  let toEnd = to.length;
  while (fromEnd > start && toEnd > start && same(from[fromEnd - 1], to[toEnd - 1])) {
    fromEnd -= 1;
    toEnd -= 1;
  }
  return { from, to, start, fromEnd, toEnd };
}

/** `===` takes 0 and -0 for the same. */
function identical(a: unknown, b: unknown): boolean {
  return a !== 0 || Object.is(a, b);
}

/**
 * For each element of the region in `to`, the index of its counterpart in `from`, or {@link NONE}. Counterparts are
 * equal; each index occurs once.
 */
export function counterparts(region: Region, same: Same): Int32Array {
  const found = new Int32Array(region.toEnd - region.start).fill(NONE);
  const used = new Uint8Array(region.fromEnd - region.start);
  shiftedRun(region, same, found, used);
  matchRest(region, same, found, used);
  return found;
}

/** How far a window may have slid for the quick search to notice. */
const MAX_SHIFT = 64;

/** Marks `to[i + a] = from[i + b]` for the first shift that holds over at least half of the region. */
function shiftedRun(region: Region, same: Same, found: Int32Array, used: Uint8Array): void {
  const { from, to, start, fromEnd, toEnd } = region;
  const fromLength = fromEnd - start;
  const toLength = toEnd - start;
  const half = Math.min(fromLength, toLength) / 2;
  for (let shift = 1; shift <= MAX_SHIFT; shift += 1) {
    for (const [skipFrom, skipTo] of [
      [shift, 0],
      [0, shift],
    ] as const) {
      const length = Math.min(fromLength - skipFrom, toLength - skipTo);
      if (length < half || length < 1) continue;
      let run = 0;
      while (run < length && same(from[start + skipFrom + run], to[start + skipTo + run])) run += 1;
      if (run < half) continue;
      for (let index = 0; index < run; index += 1) {
        found[skipTo + index] = start + skipFrom + index;
        used[skipFrom + index] = 1;
      }
      return;
    }
  }
}

/** How many elements with the same fingerprint are compared before an element counts as new. */
const MAX_CANDIDATES = 8;

function matchRest(region: Region, same: Same, found: Int32Array, used: Uint8Array): void {
  const { from, to, start, fromEnd, toEnd } = region;
  const buckets = new Map<unknown, { sources: number[]; next: number }>();
  for (let index = start; index < fromEnd; index += 1) {
    if (used[index - start] === 1) continue;
    const print = fingerprint(from[index]);
    const bucket = buckets.get(print);
    if (bucket === undefined) buckets.set(print, { sources: [index], next: 0 });
    else bucket.sources.push(index);
  }
  if (buckets.size === 0) return;
  for (let index = start; index < toEnd; index += 1) {
    if (found[index - start] !== NONE) continue;
    const bucket = buckets.get(fingerprint(to[index]));
    if (bucket === undefined) continue;
    const { sources, next } = bucket;
    const tried = Math.min(sources.length, next + MAX_CANDIDATES);
    for (let candidate = next; candidate < tried; candidate += 1) {
      const source = sources[candidate] as number;
      if (!same(from[source], to[index])) continue;
      found[index - start] = source;
      sources[candidate] = sources[next] as number;
      bucket.next += 1;
      break;
    }
  }
}

/** Cheap, equal for equal values, different for most others: the shape and the first few primitive fields. */
function fingerprint(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return `[${value.length}${glance(value[0])}${glance(value[value.length - 1])}`;
  let print = '{';
  let fields = 0;
  for (const key in value) {
    print += `${key}:${glance((value as Record<string, unknown>)[key])},`;
    fields += 1;
    if (fields === 6) break;
  }
  return print;
}

function glance(value: unknown): string {
  if (typeof value === 'string') return value.length > 24 ? `${value.length}${value.slice(0, 24)}` : value;
  return typeof value === 'object' || typeof value === 'symbol' ? '' : String(value);
}

/**
 * Marks a longest strictly increasing run of counterparts: the elements that keep their order, and so need no
 * operation. (Patience sorting with back links: Fredman, 1975.)
 */
export function longestIncreasing(found: Int32Array): Uint8Array {
  const kept = new Uint8Array(found.length);
  const tails: number[] = [];
  const before = new Int32Array(found.length);
  for (let index = 0; index < found.length; index += 1) {
    const value = found[index] as number;
    if (value === NONE) continue;
    let low = tails.length;
    if (low > 0 && (found[tails[low - 1] as number] as number) >= value) {
      let high = low;
      low = 0;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((found[tails[middle] as number] as number) < value) low = middle + 1;
        else high = middle;
      }
    }
    before[index] = low > 0 ? (tails[low - 1] as number) : NONE;
    tails[low] = index;
  }
  let index = tails.length > 0 ? (tails[tails.length - 1] as number) : NONE;
  while (index !== NONE) {
    kept[index] = 1;
    index = before[index] as number;
  }
  return kept;
}
