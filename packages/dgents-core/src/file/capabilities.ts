import type { BackendCapabilities } from '../backend.js';
import type { FileBackendOptions } from './options.js';

/** A key of 1,024 bytes still fits into a header, and, hashed, into a file name. */
export const KEY_BYTES = 1024;

/** Half of what a JavaScript string can hold, since a record is one. */
const RECORD_BYTES = 256 * 1024 * 1024;

/** What files can do. */
export function capabilitiesOf({
  durability,
  format,
}: Pick<Required<FileBackendOptions>, 'durability' | 'format'>): BackendCapabilities {
  return {
    durability,
    sharing: 'host',
    atomicity: 'key',
    feed: false,
    watch: false,
    ttl: false,
    orderedKeys: true,
    values: false,
    materializes: format === 'json',
    idempotencyRecords: format === 'json' ? 1 : Number.POSITIVE_INFINITY,
    limits: {
      keyBytes: KEY_BYTES,
      recordBytes: RECORD_BYTES,
      recordsPerAppend: 10_000,
      appendsPerCommit: 1_000,
    },
  };
}
