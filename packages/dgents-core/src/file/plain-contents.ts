import { constants } from 'node:buffer';
import type { Append, LogRecord } from '../backend.js';
import { StateTooLargeError, UnsupportedError } from '../errors.js';
import { hashOf, type Stamp } from './plain-sidecar.js';
import { forPeople } from './plain-text.js';

/**
 * What the file will hold after an append; undefined: there will be none.
 * @throws StateTooLargeError when it cannot be a text, before anything is sent
 */
export function contentsAfter({ key, records, document }: Append): Buffer | undefined {
  if (records.some(({ kind }) => kind === 'event')) {
    throw new UnsupportedError('A plain JSON file keeps no events: use the format "journal"', { key });
  }
  const last = records[records.length - 1] as LogRecord;
  if (last.kind === 'tombstone') return undefined;
  if (last.kind !== 'set' && document === undefined)
    throw new TypeError('an append to a plain JSON file needs the whole document');
  try {
    return Buffer.from(forPeople(last.kind === 'set' ? last.data : (document as string)));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const limitBytes = constants.MAX_STRING_LENGTH;
    const message = 'The state is too large to be written as text. Nothing was stored.';
    throw new StateTooLargeError(message, { bytes: limitBytes, limitBytes, key, cause });
  }
}

/** What the sidecar says of it. */
export function stampOf({ records }: Append, bytes: Buffer | undefined): Stamp {
  const { version, id, at, codec, schema, meta, kind } = records[records.length - 1] as LogRecord;
  const extras = {
    ...(codec !== undefined && { codec }),
    ...(schema !== undefined && { schema }),
    ...(meta && { meta }),
  };
  const first = (records[0] as LogRecord).id;
  const hash = bytes === undefined ? null : hashOf(bytes);
  return { version, id, at, deleted: kind === 'tombstone', hash, first, count: records.length, ...extras };
}
