/** Ways to spoil a backend: what is written, what is read, or the key of every call is changed on its way. */
import type { Append, Backend, Checkpoint, LogRecord, LogTail } from '../../backend.js';
import type { Spoiled } from './spoiled-backend.js';

type Stored = LogRecord | Checkpoint;

/** A copy with nothing lazy in it: the text of a record may be made when it is asked for. */
export function copyOf<T extends Stored>(stored: T): T {
  const copy = { ...stored };
  // Asked for once: a spread has asked already where the text is a property of the record's own.
  return Object.hasOwn(copy, 'data') ? copy : { ...copy, data: stored.data };
}

/** Every record, checkpoint and base is changed before it is kept. */
export function changingWrites(inner: Backend, change: <T extends Stored>(stored: T) => T): Spoiled {
  return {
    commit: (appends, options) =>
      inner.commit(
        appends.map((append) => ({
          ...append,
          records: append.records.map((record) => change(copyOf(record))),
        })),
        options,
      ),
    checkpoint: (key, checkpoint) => inner.checkpoint(key, change(copyOf(checkpoint))),
    trim: (key, base) => inner.trim(key, change(copyOf(base))),
  };
}

/** The text of everything that is kept is changed before, that of a tombstone excepted. */
export function changingText(inner: Backend, change: (text: string) => string): Spoiled {
  return changingWrites(inner, (stored) =>
    stored.data === null || stored.data === 'null' ? stored : { ...stored, data: change(stored.data) },
  );
}

/** Every value that is kept is changed before. */
export function changingValues(inner: Backend, change: (value: unknown) => unknown): Spoiled {
  return changingText(inner, (text) => withoutSpaces(text, change));
}

/** Changes the value only where it has an effect: the rest of the text stays as it was. */
function withoutSpaces(text: string, change: (value: unknown) => unknown): string {
  const value: unknown = JSON.parse(text);
  const before = JSON.stringify(value);
  const after = JSON.stringify(change(value));
  return after === before ? text : after;
}

/** Every tail is changed before it is given out. */
export function changingReads(inner: Backend, change: (tail: LogTail, key: string) => LogTail): Spoiled {
  return { read: async (key, options) => change(await inner.read(key, options), key) };
}

/** Every key is another one underneath. Listings give what is there underneath. */
export function changingKeys(inner: Backend, change: (key: string) => string): Spoiled {
  const moved = (append: Append): Append => ({ ...append, key: change(append.key) });
  return {
    read: (key, options) => inner.read(change(key), options),
    commit: (appends, options) => inner.commit(appends.map(moved), options),
    checkpoint: (key, checkpoint) => inner.checkpoint(change(key), checkpoint),
    range: (key, options) => inner.range(change(key), options),
    trim: (key, base) => inner.trim(change(key), base),
    keys: (prefix, { after, ...options } = {}) =>
      inner.keys(prefix === undefined ? undefined : change(prefix), {
        ...options,
        ...(after !== undefined && { after: change(after) }),
      }),
    find: (key, ids) => inner.find!(change(key), ids),
    watch: (key, options) => inner.watch!(change(key), options),
  };
}
