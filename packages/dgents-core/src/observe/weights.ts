import type { Checkpoint, LogRecord } from '../backend.js';

/** What the text of a record weighs, in UTF-8 bytes; where it is known without making it, it is not made. */
export function recordBytes(record: LogRecord): number {
  const { bytes } = record as { readonly bytes?: unknown };
  return typeof bytes === 'number' ? bytes : Buffer.byteLength(record.data);
}

/** Of what a backend returned; undefined where that is values, and no text was made of them. */
export function textBytes(found: readonly (LogRecord | Checkpoint)[]): number | undefined {
  let bytes = 0;
  for (const one of found) {
    if (one.document !== undefined) return undefined;
    if (one.data !== null) bytes += Buffer.byteLength(one.data);
  }
  return bytes;
}
