/** Stores that lose, tear or lock when their process is killed. */
import {
  existsSync,
  ftruncateSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Append, CommitResult } from '../../../backend.js';
import { StateCorruptionError, StorageUnavailableError } from '../../../errors.js';
import { memoryBackend } from '../../../memory/memory-backend.js';
import type { SpoiledFile } from './spoiled-file.js';
import { type Change, lineOf, pause, ToyFile, turns } from './toy-file.js';

/** How long a write is half done: much longer than all else that a writer does, so that most kills meet it. */
const HALF_MS = 8;
/** The same, for kills that come so many turns after a call. */
const HALF_TURNS = 150;

class RecordByRecord extends ToyFile {
  override async keep(change: Change): Promise<void> {
    const [append] = 'commit' in change ? change.commit : [];
    if (append === undefined || append.records.length === 1) return super.keep(change);
    const [first, ...rest] = append.records as [Append['records'][number], ...Append['records'][number][]];
    const { commit } = change as { commit: readonly Append[] };
    await this.write(lineOf({ commit: [{ ...append, records: [first] }] }));
    await pause(HALF_MS);
    const expected = {
      version: first.version,
      id: first.id,
      at: first.at,
      deleted: first.kind === 'tombstone',
    };
    await this.write(lineOf({ commit: [{ ...append, expected, records: rest }, ...commit.slice(1)] }));
  }
}

class TornCheckpoint extends ToyFile {
  get #checkpoint(): string {
    return `${this.path}.checkpoint`;
  }

  override async open(): Promise<void> {
    await super.open();
    if (!existsSync(this.#checkpoint)) return;
    try {
      const { key, checkpoint } = JSON.parse(readFileSync(this.#checkpoint, 'utf8'));
      await this.catchUp();
      await this.memory.checkpoint(key, checkpoint);
    } catch (cause) {
      this.descriptor = -1;
      throw new StateCorruptionError('the checkpoint is unreadable', { location: this.#checkpoint, cause });
    }
  }

  override async keep(change: Change): Promise<void> {
    if (!('checkpoint' in change)) return super.keep(change);
    const text = JSON.stringify(change);
    writeFileSync(this.#checkpoint, text.slice(0, text.length / 2));
    await pause(HALF_MS);
    writeFileSync(this.#checkpoint, text);
  }
}

class BeginsAnew extends ToyFile {
  /** In two halves, as a stream writes what is long. */
  override async write(line: string): Promise<void> {
    const half = Math.trunc(line.length / 2);
    this.taken += writeSync(this.descriptor, line.slice(0, half));
    await turns(HALF_TURNS);
    await super.write(line.slice(half));
  }

  override async torn(): Promise<void> {
    ftruncateSync(this.descriptor, 0);
    this.taken = 0;
    this.memory = memoryBackend({ values: false });
  }
}

/** Holds lines back until a timer comes, the process ends by itself, or the last handle is closed. */
export class FlushedLater extends ToyFile {
  #held = '';
  #timer: NodeJS.Timeout | undefined;

  override async write(line: string): Promise<void> {
    this.#held += line;
    this.#timer ??= setTimeout(() => this.#flush(), 30).unref();
    await turns(1);
  }

  override async end(): Promise<boolean> {
    await this.idle();
    if (this.descriptor !== -1) this.#flush();
    return super.end();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    writeSync(this.descriptor, this.#held);
    this.taken += Buffer.byteLength(this.#held);
    this.#held = '';
  }
}

class RewrittenInPlace extends ToyFile {
  override async keep(change: Change): Promise<void> {
    if (!('trim' in change)) return super.keep(change);
    const lines = readFileSync(this.path, 'utf8') + lineOf(change);
    ftruncateSync(this.descriptor, 0);
    this.taken = 0;
    await turns(HALF_TURNS);
    await this.write(lines);
  }
}

class OperationsInMemory extends ToyFile {
  readonly #own = new Set<string>();

  override answer(appends: readonly Append[], results: readonly CommitResult[]): readonly CommitResult[] {
    return results.map((result, i) => {
      const id = appends[i]?.records[0]?.id as string;
      if (result.ok && !result.replayed) this.#own.add(id);
      return result.ok && result.replayed && !this.#own.has(id) ? { ok: false, head: result.head } : result;
    });
  }

  override async end(): Promise<boolean> {
    await super.end();
    return false;
  }
}

class LockFile extends ToyFile {
  override async lock(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        mkdirSync(`${this.path}.lock`);
        return;
      } catch (cause) {
        if (attempt < 500) await pause(2);
        else throw new StorageUnavailableError('the lock is held by another process', { cause });
      }
    }
  }

  override unlock(): void {
    rmdirSync(`${this.path}.lock`);
  }
}

export const crashFiles: readonly SpoiledFile[] = [
  {
    of: 'backend',
    name: 'the records of an append are written one after the other',
    breaks: 'crashes',
    caughtBy:
      'a writer that is killed at any moment leaves what was acknowledged, and of the append in flight all or nothing',
    like: 'a row or a line for each record, and no transaction around them',
    file: RecordByRecord,
  },
  {
    of: 'backend',
    name: 'a checkpoint is written over the last one, and half of one stops everything',
    breaks: 'crashes',
    caughtBy: 'a writer that is killed while it trims and takes checkpoints all the while leaves a whole log',
    like: '`writeFile` of a snapshot; `JSON.parse` of it at the next start',
    file: TornCheckpoint,
  },
  {
    of: 'backend',
    name: 'a file that cannot be read to its end is begun anew',
    breaks: 'crashes',
    caughtBy: 'an append whose writer dies in the moment it sends it is there whole or not at all',
    like: '`clearInvalidConfig`; a default in place of what does not parse',
    sharing: 'process',
    file: BeginsAnew,
  },
  {
    of: 'backend',
    name: 'what was acknowledged is written when a timer comes',
    breaks: 'crashes',
    caughtBy: 'what was acknowledged is there when its writer dies in the same moment, or while it closes',
    like: 'write-behind caches; log streams with a buffer',
    sharing: 'process',
    file: FlushedLater,
  },
  {
    of: 'backend',
    name: 'a trim empties the file and writes what stays',
    breaks: 'crashes',
    caughtBy: 'a trim or a checkpoint whose caller dies meanwhile leaves a whole log',
    like: 'compaction with `writeFile`, and without a file beside and a rename',
    sharing: 'process',
    file: RewrittenInPlace,
  },
  {
    of: 'backend',
    name: 'operations are remembered by the process that wrote them',
    breaks: 'crashes',
    caughtBy: 'an append that is sent again after its writer was killed happens once',
    like: 'a set of request ids in memory, and a version check behind it',
    file: OperationsInMemory,
  },
  {
    of: 'backend',
    name: 'a lock that is a file stays behind',
    breaks: 'crashes',
    caughtBy: 'whoever has the store open when a writer in another process is killed goes on',
    like: '`mkdir` as a lock; a pid file that nobody looks after',
    file: LockFile,
  },
];
