import type { Version } from '../backend.js';
import { damaged, type Opening, type View } from './journal-view.js';
import { isRecord, isStart } from './line.js';
import type { Place } from './walk.js';

/** One place in so many bytes is kept: from there the next line wanted is a quick scan away. */
const SPACING_BYTES = 64 * 1024;

/** Where things are in a journal. Built by reading it once, when it is first needed; extended by reading what is new. */
export class JournalIndex {
  /** Records, oldest first, spaced. */
  readonly #marks: Place[] = [];
  /** Lines where reading can start, oldest first, spaced. */
  readonly #starts: Place[] = [];
  #ids: Map<string, Version> | undefined;
  #scanned = 0;

  /** Brings the index up to the end of the view. */
  async extend(opening: Opening, view: View): Promise<void> {
    const from = Math.max(this.#scanned, view.headerBytes);
    const reached = await opening.reader.scan(from, view.end, (line, offset) => {
      const place = { version: line.version, id: line.id, offset };
      if (isRecord(line)) {
        if (isFar(this.#marks, offset)) this.#marks.push(place);
        this.#ids?.set(line.id, line.version);
      } else if (line.kind === 'b') {
        this.#ids?.set(line.id, line.version);
      }
      if (isStart(line) && isFar(this.#starts, offset)) this.#starts.push(place);
      return undefined;
    });
    if (reached !== view.end) throw damaged(opening, reached, 'a line is damaged');
    this.#scanned = view.end;
  }

  /** The version of each operation id, of the records that are kept. */
  async ids(opening: Opening, view: View): Promise<ReadonlyMap<string, Version>> {
    if (this.#ids === undefined) {
      this.#ids = new Map();
      this.#marks.length = 0;
      this.#starts.length = 0;
      this.#scanned = 0;
    }
    await this.extend(opening, view);
    return this.#ids;
  }

  /** The newest kept place of a record at or before this version. */
  before(version: Version): Place | undefined {
    return newest(this.#marks, version);
  }

  /** The newest kept place at or before this version where reading can start. */
  startBefore(version: Version): Place | undefined {
    return newest(this.#starts, version);
  }
}

function isFar(places: readonly Place[], offset: number): boolean {
  const last = places[places.length - 1];
  return last === undefined || offset - last.offset >= SPACING_BYTES;
}

function newest(places: readonly Place[], version: Version): Place | undefined {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] as Place).version <= version) low = middle + 1;
    else high = middle;
  }
  return places[low - 1];
}
