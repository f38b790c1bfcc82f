/** Large bytes do not belong into events and values: these are read again and again, those once in a while. */
import { StateTooLargeError } from 'dgents-core';

/** As much as `blobs` of other agents leave in a record. */
export const MAX_INLINE_BYTES = 65_536;

/** @throws RangeError for what is no limit */
export function checkMaxInlineBytes(maxInlineBytes: number | undefined = MAX_INLINE_BYTES): number {
  if (maxInlineBytes === Infinity || (Number.isSafeInteger(maxInlineBytes) && maxInlineBytes >= 0)) {
    return maxInlineBytes;
  }
  throw new RangeError(`maxInlineBytes is a whole number from 0 on, not ${String(maxInlineBytes)}.`);
}

/**
 * Looks at every `Uint8Array`, buffer and view in an event or value. What they are to be kept in is not looked at.
 * @throws StateTooLargeError for one that is longer
 */
export function assertInlineBytes(value: unknown, maxInlineBytes: number, what: string, key: string): void {
  if (typeof value !== 'object' || value === null || maxInlineBytes === Infinity) return;
  const seen = new Set<object>([value]);
  // It grows while it is walked, so that no depth overflows the stack.
  for (const each of seen) {
    const bytes = byteLengthOf(each);
    if (bytes > maxInlineBytes) throw tooLarge(bytes, maxInlineBytes, what, key);
    if (bytes >= 0) continue;
    for (const inner of innerOf(each)) if (typeof inner === 'object' && inner !== null) seen.add(inner);
  }
}

/** Negative for what does not consist of bytes. */
function byteLengthOf(value: object): number {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength : -1;
}

function innerOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  return value instanceof Set ? value : Object.values(value);
}

function tooLarge(bytes: number, limitBytes: number, what: string, key: string): StateTooLargeError {
  return new StateTooLargeError(
    `The ${what} for "${key}" holds ${bytes} bytes in one piece; at most ${limitBytes} are kept in it (maxInlineBytes). Nothing ` +
      'was stored. Put them into a blob store with putBlob(), and keep the reference that it gives.',
    { bytes, limitBytes, key },
  );
}
