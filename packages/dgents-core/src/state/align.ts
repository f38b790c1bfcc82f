/**
 * Which elements of one list are which of another: the part of the diff that decides how small a patch is.
 *
 * What agents do to lists is append, insert, edit, remove, slide a window and move to the front. After the common
 * beginning and end are set aside, all of these leave a middle in which one long run is merely shifted; so a shifted
 * run is looked for first, and hashing is the exception.
 */

/** No counterpart. */
export const NONE = -1;

/** What is left of two lists when the common beginning and end are taken away. */
export interface Region {
  readonly from: readonly unknown[];
  readonly to: readonly unknown[];
  /** First index of the region, the same in both. */
  readonly start: number;
  readonly fromEnd: number;
  readonly toEnd: number;
}

/** How elements are compared. */
export interface Equality {
  same(a: unknown, b: unknown): boolean;
  /** Whether equal objects need not be identical. */
  readonly trusted: boolean;
}

/** The region that is left. Where both of its sides hold something, their first elements differ, and their last. */
export function changedRegion(from: readonly unknown[], to: readonly unknown[], equality: Equality): Region {
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  for (; start < shorter; start += 1) {
    const a = from[start];
    const b = to[start];
    // Equal by `===` are also 0 and -0, which are stored differently.
    if (a === b ? a === 0 && !Object.is(a, b) : !equality.same(a, b)) break;
  }
  let fromEnd = from.length;
  let toEnd = to.length;
  while (fromEnd > start && toEnd > start) {
    // The first two of the region are known to differ: elements can be large, and this is done on every level.
    if (fromEnd === toEnd && fromEnd === start + 1) break;
    if (!equality.same(from[fromEnd - 1], to[toEnd - 1])) break;
    fromEnd -= 1;
    toEnd -= 1;
  }
  return { from, to, start, fromEnd, toEnd };
}

/**
 * For each element of the region in `to`, the index of its counterpart in `from`, or {@link NONE}. Counterparts are
 * equal; each index occurs once.
 */
export function counterparts(region: Region, equality: Equality): Int32Array {
  const found = new Int32Array(region.toEnd - region.start).fill(NONE);
  const used = new Uint8Array(region.fromEnd - region.start);
  shiftedRun(region, equality, found, used);
  matchRest(region, equality, found, used);
  return found;
}

/** How far a window may have slid for the quick search to notice. */
const MAX_SHIFT = 64;

/** Pairs the elements of the first shift that holds over at least half of the region. */
function shiftedRun(region: Region, equality: Equality, found: Int32Array, used: Uint8Array): void {
  const longest = Math.max(used.length, found.length);
  for (let shift = 1; shift <= MAX_SHIFT && shift < longest; shift += 1) {
    if (pairRun(region, equality, found, used, shift, 0)) return;
    if (pairRun(region, equality, found, used, 0, shift)) return;
  }
}

/** Tries `to[skipTo + i]` as `from[skipFrom + i]`. */
function pairRun(
  { from, to, start }: Region,
  equality: Equality,
  found: Int32Array,
  used: Uint8Array,
  skipFrom: number,
  skipTo: number,
): boolean {
  const length = Math.min(used.length - skipFrom, found.length - skipTo);
  const half = Math.min(used.length, found.length) / 2;
  if (length < half || length < 1) return false;
  let run = 0;
  while (run < length && equality.same(from[start + skipFrom + run], to[start + skipTo + run])) run += 1;
  if (run < half) return false;
  for (let i = 0; i < run; i += 1) {
    found[skipTo + i] = start + skipFrom + i;
    used[skipFrom + i] = 1;
  }
  return true;
}

/** How many elements with the same fingerprint are compared before an element counts as new. */
const MAX_CANDIDATES = 8;

/** Pairs what is left by fingerprint, earlier ones first. Elements with the same one are chained. */
function matchRest(region: Region, equality: Equality, found: Int32Array, used: Uint8Array): void {
  if (!found.includes(NONE) || !used.includes(0)) return;
  const { from, to, start } = region;
  const print = equality.trusted ? fingerprint : identity;
  const heads = new Map<unknown, number>();
  const chain = new Int32Array(used.length).fill(NONE);
  for (let i = used.length - 1; i >= 0; i -= 1) {
    if (used[i] === 1) continue;
    const key = print(from[start + i]);
    chain[i] = heads.get(key) ?? NONE;
    heads.set(key, i);
  }
  for (let i = 0; i < found.length; i += 1) {
    if (found[i] !== NONE) continue;
    const value = to[start + i];
    const key = print(value);
    let before = NONE;
    let candidate = heads.get(key) ?? NONE;
    for (let tries = MAX_CANDIDATES; candidate !== NONE && tries > 0; tries -= 1) {
      if (equality.same(from[start + candidate], value)) {
        found[i] = start + candidate;
        if (before === NONE) heads.set(key, chain[candidate] as number);
        else chain[before] = chain[candidate] as number;
        break;
      }
      before = candidate;
      candidate = chain[candidate] as number;
    }
  }
}

function identity(value: unknown): unknown {
  return value;
}

/** Cheap, equal for equal values, different for most others: the shape and the first few primitive fields. */
function fingerprint(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return `[${value.length}${glance(value[0])}${glance(value[value.length - 1])}`;
  if (value instanceof Date) return value.getTime();
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
  return typeof value === 'object' || typeof value === 'symbol' || typeof value === 'function'
    ? ''
    : String(value);
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
    const low = firstNotBelow(found, tails, value);
    before[index] = low > 0 ? (tails[low - 1] as number) : NONE;
    tails[low] = index;
  }
  let index = tails.at(-1) ?? NONE;
  while (index !== NONE) {
    kept[index] = 1;
    index = before[index] as number;
  }
  return kept;
}

/** How many of the runs end below `value`; most of the time it lies above all of them. */
function firstNotBelow(found: Int32Array, tails: readonly number[], value: number): number {
  let high = tails.length;
  if (high === 0 || (found[tails[high - 1] as number] as number) < value) return high;
  let low = 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((found[tails[middle] as number] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
