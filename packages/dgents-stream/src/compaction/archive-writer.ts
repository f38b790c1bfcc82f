/**
 * Adds what is about to go to an archive, so that a power cut at any time loses nothing and doubles nothing.
 *
 *     open, lock ─▶ find the end ─▶ cut off what is no whole line ─▶ write the rest ─▶ fsync ─▶ (the log is trimmed)
 *
 * A log is trimmed only once the archive is safe. So whatever is not safe in there is still in the log, and is written anew.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  LogCompactedError,
  type LogRecord,
  lockExclusively,
  makeDirectory,
  StateCorruptionError,
  StorageUnavailableError,
  storageError,
  syncDirectory,
  type Version,
} from 'dgents-core';
import type { Stretch } from 'dgents-core/folding';
import { BEGINNING, headerLine, headerOf, linesFrom, recordLine, recordOf } from './archive-lines.js';

/** Most of the time the line looked for lies in what is read first. */
const TAIL_BYTES = 1024 * 1024;

/** Where an archive ends. */
interface End {
  readonly offset: number;
  /** The last record; undefined where there is none. */
  readonly last?: LogRecord;
  /** The newest record that is about to go as well: it has to be the same. */
  readonly shared?: LogRecord;
}

/**
 * Resolves once the archive holds all of the stretch, safe from a power cut.
 * @throws StateCorruptionError for an archive that is damaged where the log does not reach back any more, or that holds
 *   something else than the log
 * @throws LogCompactedError where events between the archive and the log are gone
 * @throws TypeError for the archive of another stream
 */
async function addToArchive(path: string, key: string, stretch: Stretch): Promise<void> {
  const place = resolve(path);
  await makeDirectory(dirname(place));
  try {
    const unlock = await lockExclusively(place);
    if (unlock === undefined) {
      throw new StorageUnavailableError(`Somebody else is archiving to ${place}. Nothing was compacted.`, {
        key,
      });
    }
    try {
      const file = await open(place, constants.O_RDWR);
      try {
        await new Archive(file, place, key).add(stretch);
      } finally {
        await file.close();
      }
      await syncDirectory(dirname(place));
    } finally {
      unlock();
    }
  } catch (error) {
    throw storageError(error, 'archive to', place, key);
  }
}

/** What a compaction does with what is about to go. */
export function keeperOf(
  archive: string | undefined,
  key: string,
): ((stretch: Stretch) => Promise<void>) | undefined {
  return archive === undefined ? undefined : (stretch) => addToArchive(archive, key, stretch);
}

class Archive {
  constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    private readonly key: string,
  ) {}

  async add({ from, to, pages }: Stretch): Promise<void> {
    const { size } = await this.file.stat();
    const begun = await this.end(size, from, to);
    let { offset } = begun;
    const last = begun.last?.version ?? 0;
    if (begun.last !== undefined && last < from - 1) throw this.gap(last, from);
    try {
      await this.file.truncate(offset);
      if (offset === 0) offset = await this.write(headerLine({ key: this.key, first: from }), offset);
      for await (const page of pages) {
        const { shared } = begun;
        const same = page.find(({ version }) => version === shared?.version);
        if (same !== undefined && same.id !== shared?.id) throw this.other(same.version);
        const lines = page.filter(({ version }) => version > last).map((each) => recordLine(this.key, each));
        if (lines.length > 0) offset = await this.write(lines.join('\n'), offset);
      }
      await this.file.sync();
    } catch (error) {
      // What a failed sync has left is not safe, and would look as if it were.
      await this.file.truncate(begun.offset).catch(() => undefined);
      throw error;
    }
  }

  /** The end of what is whole, as far as the log does not hold it any more at least. */
  private async end(size: number, from: Version, to: Version): Promise<End> {
    let header: string | undefined;
    let end: End = { offset: 0 };
    for await (const line of linesFrom(this.file, 0)) {
      header = line.text;
      end = { offset: line.end };
      break;
    }
    if (header === undefined) {
      if (!(await this.isBegun(size))) throw this.damaged(0);
      return end;
    }
    const found = headerOf(header);
    if (found === undefined) throw this.damaged(0);
    if (found.key !== this.key) {
      throw new TypeError(
        `${this.path} is the archive of "${found.key}", not of "${this.key}". Give each stream a file of its own.`,
      );
    }
    let next = found.first;
    const anchor = await this.anchor(size, from, end.offset);
    if (anchor?.last !== undefined) {
      end = anchor;
      next = anchor.last.version + 1;
    }
    for await (const { text, end: offset } of linesFrom(this.file, end.offset)) {
      const record = recordOf(text, this.key);
      if (record?.version !== next) {
        // What the log still holds is written anew. The rest exists nowhere else.
        if (next < from) throw this.damaged(end.offset);
        break;
      }
      const shared = next >= from && next <= to ? record : end.shared;
      end = { offset, last: record, ...(shared === undefined ? {} : { shared }) };
      next += 1;
    }
    return end;
  }

  /** Whether what has no whole line yet can be the beginning of an archive, and not a file of somebody's. */
  private async isBegun(size: number): Promise<boolean> {
    const { buffer, bytesRead } = await this.file.read(
      Buffer.alloc(BEGINNING.length),
      0,
      BEGINNING.length,
      0,
    );
    const text = buffer.toString('utf8', 0, bytesRead);
    return size === 0 || BEGINNING.startsWith(text) || /^\0*$/.test(text);
  }

  /** A whole line near the end that was safe before this began: what the log does not hold any more. */
  private async anchor(size: number, from: Version, behind: number): Promise<End | undefined> {
    const begin = Math.max(behind, size - TAIL_BYTES);
    let found: End | undefined;
    for await (const { text, end } of linesFrom(this.file, begin)) {
      const record = recordOf(text, this.key);
      if (record !== undefined && record.version < from) found = { offset: end, last: record };
    }
    return found;
  }

  private async write(text: string, offset: number): Promise<number> {
    const bytes = Buffer.from(`${text}\n`);
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.file.write(
        bytes,
        written,
        bytes.length - written,
        offset + written,
      );
      written += bytesWritten;
    }
    return offset + bytes.length;
  }

  private damaged(offset: number): StateCorruptionError {
    return new StateCorruptionError(
      `${this.path} is damaged at byte ${offset}. It was left as it is, and nothing was compacted.`,
      { location: this.path, offset, key: this.key },
    );
  }

  private other(version: Version): StateCorruptionError {
    return new StateCorruptionError(
      `${this.path} has another version ${version} than "${this.key}": one of them was replaced by an older copy. Both were left as they are.`,
      { location: this.path, key: this.key },
    );
  }

  private gap(last: Version, from: Version): LogCompactedError {
    return new LogCompactedError(
      `${this.path} ends with version ${last}, and "${this.key}" begins with ${from}: what lay between them was compacted without it. Archive to another file.`,
      { key: this.key, floor: from - 1 },
    );
  }
}
