import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, write } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Append, Checkpoint, CommitResult } from '../../../backend.js';
import { StorageTimeoutError } from '../../../errors.js';
import { NodeFileSystem } from '../../../file/node-file-system.js';
import { memoryBackend } from '../../../memory/memory-backend.js';

/** One line of the file: a change that has happened. */
export type Change =
  | { readonly commit: readonly Append[] }
  | { readonly checkpoint: Checkpoint; readonly key: string }
  | { readonly trim: Checkpoint; readonly key: string };

const DEADLINE_MS = 10_000;
const system = new NodeFileSystem();

/**
 * A small honest store on disk, to be spoiled: every change is one line of one file, and every process that has it open
 * plays the lines into a store in its memory, each under a lock of the kernel's, which goes with its process. A line
 * without its end was never acknowledged, and is cut off by whoever comes next.
 *
 * Until it writes, nothing here waits for the event loop, unless the lock is taken: a fault that does something before
 * has done it in the first turn after the call.
 */
export class ToyFile {
  memory = memoryBackend({ values: false });
  descriptor = -1;
  /** How many bytes of the file the memory holds. */
  taken = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(readonly path: string) {}

  /** Reads what all processes have written so far. */
  look<T>(work: () => Promise<T>, timeoutMs?: number): Promise<T> {
    return this.change(work, timeoutMs);
  }

  /** Does the work while nobody else, in this process or another, does any. */
  change<T>(work: () => Promise<T>, timeoutMs = DEADLINE_MS): Promise<T> {
    const turn = this.#queue.then(async () => {
      if (this.descriptor === -1) await this.open();
      await this.lock(timeoutMs);
      try {
        await this.catchUp();
        return await work();
      } finally {
        this.unlock();
      }
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async open(): Promise<void> {
    await system.prepare();
    mkdirSync(dirname(this.path), { recursive: true });
    this.descriptor = openSync(this.path, 'a+');
  }

  async lock(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!system.tryLock(this.descriptor)) {
      if (performance.now() > deadline) throw new StorageTimeoutError('the file is locked', { timeoutMs });
      await pause(1);
    }
  }

  unlock(): void {
    system.unlock(this.descriptor);
  }

  /** Takes in what was written since the last time. */
  async catchUp(): Promise<void> {
    const { size } = fstatSync(this.descriptor);
    if (size <= this.taken) return;
    const bytes = Buffer.alloc(size - this.taken);
    readSync(this.descriptor, bytes, 0, bytes.length, this.taken);
    const whole = bytes.lastIndexOf('\n') + 1;
    await this.play(bytes.toString('utf8', 0, whole));
    this.taken += whole;
    if (whole < bytes.length) await this.torn();
  }

  /** What follows the last whole line: whoever wrote it has died, or it would hold the lock. */
  async torn(): Promise<void> {
    ftruncateSync(this.descriptor, this.taken);
  }

  async play(lines: string): Promise<void> {
    for (const line of lines.split('\n')) if (line !== '') await this.apply(JSON.parse(line));
  }

  async apply(change: Change): Promise<void> {
    if ('commit' in change) await this.memory.commit(change.commit);
    else if ('trim' in change) await this.memory.trim(change.key, change.trim);
    else await this.memory.checkpoint(change.key, change.checkpoint);
  }

  /** Makes a change that the memory has already made last. */
  async keep(change: Change): Promise<void> {
    await this.write(lineOf(change));
  }

  async write(line: string): Promise<void> {
    const bytes = Buffer.from(line);
    const { bytesWritten } = await promisify(write)(this.descriptor, bytes);
    if (bytesWritten < bytes.length) throw new Error(`a short write to ${this.path}`);
    this.taken += bytes.length;
  }

  /** What a writer is told. */
  answer(_appends: readonly Append[], results: readonly CommitResult[]): readonly CommitResult[] {
    return results;
  }

  /** Once the last handle of this process was closed. Gives whether nothing of it stays in the process. */
  async end(): Promise<boolean> {
    await this.#queue;
    if (this.descriptor !== -1) closeSync(this.descriptor);
    this.descriptor = -1;
    return true;
  }

  /** Once what was called is over. */
  async idle(): Promise<void> {
    await this.#queue;
  }
}

export function lineOf(change: Change): string {
  return `${JSON.stringify(change)}\n`;
}

/** Lets so many turns of the event loop pass, which is how the kit counts when it kills. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Gives other processes the time to come in between. The process of the tests itself has no others. */
export async function letOthersIn(): Promise<void> {
  if (process.argv[1]?.endsWith('worker.js')) await pause(300);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
