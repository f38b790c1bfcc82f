/** The child's side of the talk: one line of JSON each way. */
import { writeSync } from 'node:fs';
import type { Given, Job, Message } from './jobs.js';

/** Told at once, whatever happens next: what a stream has buffered is lost with a process that is killed. */
export function tell(message: Message): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      // The pipe is full: the parent is about to read it.
      if ((error as { code?: unknown }).code !== 'EAGAIN') throw error;
    }
  }
}

/** Resolves when the parent has written a line; once. */
export function told(): Promise<void> {
  return new Promise((resolve) => {
    process.stdin.once('data', () => {
      // An open stdin would keep this process alive.
      process.stdin.destroy();
      resolve();
    });
  });
}

export function ownJob(): { readonly given: Given; readonly job: Job } {
  return JSON.parse(process.argv[2] as string);
}

/** An error in words that cross a process, with what caused it. */
export function wordsOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const words = `${error.name}${typeof code === 'string' ? ` (${code})` : ''}: ${error.message}`;
  // Deeper than anyone reads; a cause may lead back to its error.
  return cause === undefined || depth === 4 ? words : `${words}\ncaused by: ${wordsOf(cause, depth + 1)}`;
}
