/** Stores that are right in one process and wrong in several. */
import { existsSync, writeFileSync } from 'node:fs';
import type { SpoiledFile } from './spoiled-file.js';
import { letOthersIn, ToyFile, turns } from './toy-file.js';

/** How far reads may be behind, in the one that reads from a replica. */
const LAG_MS = 50;

class LockedInProcess extends ToyFile {
  override async lock(): Promise<void> {}
  override unlock(): void {}

  override async torn(): Promise<void> {}

  override async write(line: string): Promise<void> {
    const before = this.taken;
    await turns(20);
    await super.write(line);
    // Another process may have come first: what is there is read in its order.
    this.taken = before;
  }
}

class CreatedTwice extends ToyFile {
  override async open(): Promise<void> {
    const isNew = !existsSync(this.path);
    await super.open();
    if (!isNew) return;
    await letOthersIn();
    writeFileSync(this.path, '');
  }
}

/** Reads see what this process has written at once, and what others have written after a while. */
class ReadFromReplica extends ToyFile {
  #replica = new ToyFile(this.path);
  #loadedAt = Number.NEGATIVE_INFINITY;

  override look<T>(work: () => Promise<T>, timeoutMs?: number): Promise<T> {
    return this.change(async () => {
      if (performance.now() > this.#loadedAt + LAG_MS) await this.#load();
      const { memory } = this;
      this.memory = this.#replica.memory;
      return work().finally(() => {
        this.memory = memory;
      });
    }, timeoutMs);
  }

  override async write(line: string): Promise<void> {
    await super.write(line);
    await this.#load();
  }

  async #load(): Promise<void> {
    this.#replica.descriptor = this.descriptor;
    await this.#replica.catchUp();
    this.#loadedAt = performance.now();
  }
}

export const concurrencyFiles: readonly SpoiledFile[] = [
  {
    of: 'backend',
    name: 'a lock that holds within one process',
    breaks: 'concurrency',
    caughtBy: 'four processes that compare and set on one key and on several lose nothing',
    like: 'async-mutex around read, compare and write; a cluster of workers',
    file: LockedInProcess,
  },
  {
    of: 'backend',
    name: 'who creates it empties it, also once others have begun',
    breaks: 'concurrency',
    caughtBy: 'ten processes that open an empty place at once all succeed',
    like: '`if (!existsSync(path)) writeFileSync(path, empty)`; a set-up that drops tables first',
    file: CreatedTwice,
  },
  {
    of: 'backend',
    name: 'reads come from a replica that lags behind',
    breaks: 'concurrency',
    caughtBy: 'what clients of several processes see is explained by one order of events',
    like: 'read replicas; a cache for each process that only its own writes refresh',
    file: ReadFromReplica,
  },
];
