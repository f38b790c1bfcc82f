/** What callers may give: checked before anything else happens. */
import type { Meta, Version } from '../backend.js';
import type { Weight } from '../data-agent.js';

const MAX_META_BYTES = 4096;
const MAX_ID_LENGTH = 128;
const MAX_META_DEPTH = 32;

/** @throws RangeError or TypeError */
export function checkLimit(limit: number): void {
  if (typeof limit !== 'number') throw new TypeError(`The limit is a number, not ${typeof limit}.`);
  if (limit === Infinity) return;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RangeError(`The limit is a whole number from 0 on, not ${limit}.`);
  }
}

/** @throws TypeError */
export function checkDurability(required: unknown): void {
  if (required === undefined || required === 'process' || required === 'power') return;
  throw new TypeError(`requireDurability is 'process' or 'power', not ${JSON.stringify(required)}.`);
}

/** @throws RangeError or TypeError */
export function checkTime(name: string, value: Version | Date): void {
  if (value instanceof Date || Object.prototype.toString.call(value) === '[object Date]') {
    if (Number.isNaN((value as Date).getTime())) throw new RangeError(`\`${name}\` is an invalid date.`);
    return;
  }
  if (typeof value !== 'number') throw new TypeError(`\`${name}\` is a version or a Date.`);
  if (value === Infinity && name === 'to') return;
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`\`${name}\` is a version, a whole number from 1 on, not ${value}.`);
  }
}

/** @throws RangeError or TypeError */
export function checkTtl(ttlMs: number | undefined): number | undefined;
export function checkTtl(
  ttlMs: number | undefined,
  keepTtl: boolean | undefined,
): number | 'keep' | undefined;
export function checkTtl(ttlMs: number | undefined, keepTtl = false): number | 'keep' | undefined {
  if (keepTtl === true && ttlMs !== undefined) throw new TypeError('Give `ttlMs` or `keepTtl`, not both.');
  if (keepTtl === true) return 'keep';
  if (ttlMs === undefined) return undefined;
  if (typeof ttlMs !== 'number') throw new TypeError(`ttlMs is a number, not ${typeof ttlMs}.`);
  if (!Number.isFinite(ttlMs) || ttlMs < 1) throw new RangeError(`ttlMs is at least 1, not ${ttlMs}.`);
  return ttlMs;
}

/** A function that would not be waited for could refuse nothing. @throws TypeError */
export function checkWeigh(
  weigh: ((weight: Weight) => void) | undefined,
): ((weight: Weight) => void) | undefined {
  if (weigh === undefined) return undefined;
  if (typeof weigh !== 'function') throw new TypeError('`weigh` is a function: `({ bytes }) => { … }`.');
  return (weight) => {
    const answer: unknown = weigh(weight);
    if (typeof (answer as { then?: unknown } | undefined)?.then !== 'function') return;
    (answer as Promise<unknown>).then(undefined, () => undefined);
    throw new TypeError('`weigh` returned a promise; it has to answer at once. Nothing was stored.');
  };
}

/**
 * @param name what the caller knows it by
 * @throws RangeError or TypeError
 */
export function checkOperationId(id: string | undefined, name = 'operationId'): void {
  if (id === undefined) return;
  if (typeof id !== 'string') throw new TypeError(`${name} is a string, not ${typeof id}.`);
  if (id.length === 0 || id.length > MAX_ID_LENGTH || !/^[\x20-\x7e]*$/.test(id)) {
    throw new RangeError(`${name} has 1 to ${MAX_ID_LENGTH} printable ASCII characters.`);
  }
}

/**
 * A private copy of meta.
 * @throws TypeError when it is not a plain JSON object; RangeError when it is too large
 */
export function checkMeta(meta: Meta | undefined): Meta | undefined {
  if (meta === undefined) return undefined;
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta))
    throw new TypeError('meta is a plain object.');
  assertJson(meta, 0);
  const text = JSON.stringify(meta);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_META_BYTES)
    throw new RangeError(`meta weighs ${bytes} bytes as JSON; at most ${MAX_META_BYTES}.`);
  return JSON.parse(text) as Meta;
}

function assertJson(value: unknown, depth: number): void {
  if (depth > MAX_META_DEPTH) throw new RangeError(`meta nests deeper than ${MAX_META_DEPTH} levels.`);
  switch (typeof value) {
    case 'string':
      if (/[\0]|[\ud800-\udfff]/u.test(value))
        throw new TypeError('meta holds a string with U+0000 or a lone surrogate.');
      return;
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return;
      break;
    case 'object': {
      if (value === null) return;
      const prototype: unknown = Object.getPrototypeOf(value);
      const plain = Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
      if (!plain) break;
      for (const [key, item] of Object.entries(value)) {
        if (key === '__proto__') throw new TypeError('meta has a key "__proto__".');
        assertJson(key, depth);
        assertJson(item, depth + 1);
      }
      return;
    }
    default:
  }
  throw new TypeError(`meta holds something that JSON cannot (${typeof value}).`);
}
