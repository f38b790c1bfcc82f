/** Stores that are there as long as their process is. */
import { writeSync } from 'node:fs';
import type { SpoiledFile } from './spoiled-file.js';
import { pause, ToyFile, turns } from './toy-file.js';

const unwritten = new Set<WrittenAtExit>();

class WrittenAtExit extends ToyFile {
  #held = '';

  override async open(): Promise<void> {
    await super.open();
    if (unwritten.size === 0) process.once('exit', () => unwritten.forEach((file) => void file.flush()));
    unwritten.add(this);
  }

  /** Too late: after `exit` nothing is waited for. */
  async flush(): Promise<void> {
    await pause(0);
    writeSync(this.descriptor, this.#held);
  }

  override async write(line: string): Promise<void> {
    this.#held += line;
    await turns(1);
  }

  /** The process keeps it. */
  override async end(): Promise<boolean> {
    await this.idle();
    return false;
  }
}

export const durabilityFiles: readonly SpoiledFile[] = [
  {
    of: 'backend',
    name: 'what is in memory is written by a handler of `exit` that waits',
    breaks: 'durability',
    caughtBy: 'what a process wrote that has ended is there for the next one',
    like: "`process.on('exit', async () => …)`: nothing that it awaits ever comes",
    sharing: 'process',
    file: WrittenAtExit,
  },
];
