import type { Checkpoint, LogRecord, RecordKind, Version } from '../src/backend.js';
import { headOf, type LogView } from '../src/backend-parts/log-view.js';

/** The record at a version: what it holds tells which one it is. */
export function recordAt(version: Version, kind: RecordKind = 'patch', id = `id ${version}`): LogRecord {
  return { version, kind, id, at: 1_000 + version, data: JSON.stringify(`change ${version}`) };
}

export function checkpointAt(version: Version, id = `id ${version}`): Checkpoint {
  return { version, id, at: 1_000 + version, data: JSON.stringify(`state ${version}`) };
}

/** A log whose records are in an array, trimmed to its floor. */
export class ArrayLog implements LogView {
  readonly records: LogRecord[];
  floor: Version;
  readonly #checkpoint: Version | undefined;

  constructor(kinds: readonly RecordKind[], floor: Version = 1, checkpoint?: Version) {
    this.records = kinds.map((kind, i) => recordAt(i + 1, kind));
    this.floor = floor;
    this.#checkpoint = checkpoint;
  }

  get head() {
    return headOf(this.records.at(-1)!);
  }

  /** The records that are kept; in place of the one at the floor there is a base. */
  get kept(): LogRecord[] {
    return this.records.slice(this.floor === 1 ? 0 : this.floor);
  }

  checkpoint(): Checkpoint | undefined {
    return this.#checkpoint === undefined ? undefined : checkpointAt(this.#checkpoint);
  }

  at(version: Version): LogRecord | Checkpoint | undefined {
    if (version < this.floor) return undefined;
    return version === this.floor && version > 1 ? checkpointAt(version) : this.records[version - 1];
  }
}
