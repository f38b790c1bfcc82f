/** What commands draw. Numbers are taken modulo what is there. */
import fc from 'fast-check';
import type { Log, Model } from './model.js';

/** Some of which begin with another. */
export const KEYS = ['a', 'ab', 'a/b', 'B'] as const;

/** Mostly the first one: what one log has seen is what matters. */
export const aKey = fc.constantFrom(KEYS[0], KEYS[0], KEYS[0], ...KEYS);
export const aNumber = fc.nat(999);
export const aHandle = fc.nat(2);

/** The log under the key of a command. */
export function logOf(model: Model, { key }: { readonly key: string }): Log | undefined {
  return model.logs.get(key);
}

/** The same where the command has made sure that there is one. */
export function thatLog(model: Model, given: { readonly key: string }): Log {
  return logOf(model, given) as Log;
}

export function isThere(model: Model, given: { readonly key: string }): boolean {
  return logOf(model, given) !== undefined;
}

/** A version from `first` to the newest one. */
export function versionFrom({ records }: Log, first: number, number: number): number {
  return first + (number % Math.max(1, records.length - first + 1));
}
