/** Stores as agents have them that keep a file of their own. */
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { memoryBackend } from '../../../memory/memory-backend.js';
import { FlushedLater } from './crash-files.js';
import type { SpoiledFile } from './spoiled-file.js';
import { letOthersIn, ToyFile, turns } from './toy-file.js';

export class CutsAfterACrash extends ToyFile {
  get #mark(): string {
    return `${this.path}.open`;
  }

  override async open(): Promise<void> {
    await super.open();
    if (existsSync(this.#mark)) {
      const lines = readFileSync(this.path, 'utf8').split('\n').slice(0, -2);
      truncateSync(this.path, Buffer.byteLength(lines.map((line) => `${line}\n`).join('')));
    }
    writeFileSync(this.#mark, '');
  }

  override async end(): Promise<boolean> {
    await this.idle();
    rmSync(this.#mark, { force: true });
    return super.end();
  }
}

/** The whole file is read and written each time. */
export class RenamedOver extends ToyFile {
  #text = '';

  override async lock(): Promise<void> {}
  override unlock(): void {}

  override async catchUp(): Promise<void> {
    const text = readFileSync(this.path, 'utf8');
    if (text === this.#text) return;
    this.memory = memoryBackend({ values: false });
    this.#text = text;
    await this.play(text);
  }

  override async write(line: string): Promise<void> {
    this.#text += line;
    const draft = `${this.path}.${process.pid}`;
    await writeFile(draft, this.#text);
    renameSync(draft, this.path);
  }
}

class FirstOneUnlocked extends ToyFile {
  #locked = false;

  override async lock(timeoutMs: number): Promise<void> {
    this.#locked = readFileSync(this.path).length > 0;
    if (this.#locked) await super.lock(timeoutMs);
  }

  override unlock(): void {
    if (this.#locked) super.unlock();
  }

  override async write(line: string): Promise<void> {
    if (this.taken > 0) return super.write(line);
    await letOthersIn();
    writeFileSync(this.path, line);
    this.taken = Buffer.byteLength(line);
  }
}

class Debounced extends ToyFile {
  #held = '';
  #timer: NodeJS.Timeout | undefined;

  override async write(line: string): Promise<void> {
    this.#held += line;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      writeSync(this.descriptor, this.#held);
      this.taken += Buffer.byteLength(this.#held);
      this.#held = '';
    }, 300).unref();
    await turns(1);
  }

  /** The timer goes on. */
  override async end(): Promise<boolean> {
    await this.idle();
    return false;
  }
}

export const agentFiles: readonly SpoiledFile[] = [
  {
    of: 'agent',
    name: 'a whole file in place of the last one, whoever wrote that',
    breaks: 'concurrency',
    caughtBy: 'four processes that update one state lose nothing',
    like: 'a file beside and a rename, which is safe from crashes and from nobody else',
    file: RenamedOver,
  },
  {
    of: 'agent',
    name: 'the first version is written before there is a file to lock',
    breaks: 'concurrency',
    caughtBy: 'eight processes that write the first version of a state at once all succeed',
    like: 'a lock on the file itself, which is not there yet',
    file: FirstOneUnlocked,
  },
  {
    of: 'agent',
    name: 'a debounced write that no process waits for',
    breaks: 'durability',
    caughtBy: 'what a process saved that has ended is there for the next one',
    like: '`setTimeout(write, 300).unref()`, and a close that does not know of it',
    sharing: 'process',
    file: Debounced,
  },
  {
    of: 'agent',
    name: 'a save is answered at once and written behind',
    breaks: 'crashes',
    caughtBy:
      'an agent whose process is killed at any moment leaves the last acknowledged state or the one in flight',
    like: 'a write-behind cache that does not say that it is one',
    sharing: 'process',
    file: FlushedLater,
  },
  {
    of: 'agent',
    name: 'recovery after a crash drops the last line, torn or not',
    breaks: 'crashes',
    caughtBy:
      'an agent whose process dies while it writes, right after, or while it closes leaves a state that goes on',
    like: 'a tail that is taken to be torn because the file was not closed',
    sharing: 'process',
    file: CutsAfterACrash,
  },
];
