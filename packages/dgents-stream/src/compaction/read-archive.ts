/** Events that were compacted, from the file that they went to. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type LogRecord, StateCorruptionError, storageError, type Version } from 'dgents-core';
import { EventReader } from 'dgents-core/folding';
import type { AnyEvent, StreamDefinition } from '../stream/definition.js';
import { rulesOf } from '../stream/fold-rules.js';
import { type Recorded, recordedOf } from '../stream/recorded.js';
import { headerOf, linesFrom, recordOf } from './archive-lines.js';

/**
 * The events of an archive, oldest first, as the program knows them now: what `events()` of the stream gave before they were
 * compacted. Each line is checked, and that none is missing in between. A line that was begun and not ended is left out: a
 * compaction was interrupted there, and its event is still in the stream.
 *
 * @throws StateCorruptionError with the offset of what is damaged or missing
 * @throws StorageUnavailableError where there is no such file
 */
export async function* readArchive<E extends AnyEvent, S, C = never>(
  path: string,
  definition: StreamDefinition<E, S, C>,
): AsyncGenerator<Recorded<E>, void, undefined> {
  const rules = rulesOf(definition);
  const { codec, transforms } = definition;
  const events = new EventReader({
    ...(codec === undefined ? {} : { codec }),
    ...(transforms === undefined ? {} : { transforms }),
  });
  for await (const { key, record } of archived(path)) {
    if (record.kind !== 'event') continue;
    const event = rules.current(events.read(key, record), record);
    if (event !== null) yield recordedOf<E>(key, record, event);
  }
}

/** The records of an archive, checked. */
export async function* archived(
  path: string,
): AsyncGenerator<{ readonly key: string; readonly record: LogRecord }, void, undefined> {
  const place = resolve(path);
  const file = await open(place, constants.O_RDONLY).catch((error: unknown) => {
    throw storageError(error, 'read the archive', place);
  });
  try {
    let key: string | undefined;
    let next: Version = 0;
    for await (const { text, offset } of linesFrom(file, 0)) {
      if (key === undefined) {
        const header = headerOf(text);
        if (header === undefined) throw damaged(place, offset, 'is no archive, or damaged at its beginning');
        key = header.key;
        next = header.first;
        continue;
      }
      const record = recordOf(text, key);
      if (record?.version !== next) {
        const what =
          record === undefined ? 'is damaged' : `has version ${record.version} where ${next} belongs`;
        throw damaged(place, offset, what);
      }
      next += 1;
      yield { key, record };
    }
  } finally {
    await file.close();
  }
}

function damaged(path: string, offset: number, what: string): StateCorruptionError {
  return new StateCorruptionError(`${path} ${what} (byte ${offset}). It was left as it is.`, {
    location: path,
    offset,
  });
}
