/** What a worker tells the test that started it: one line of JSON each, written at once, whatever happens next. */
import { writeSync } from 'node:fs';

export function tell(message) {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error; // The pipe is full: the test is about to read it.
    }
  }
}

/** The settings that the test gave this worker. */
export const settings = JSON.parse(process.argv[2] ?? '{}');

/** An error as far as a test asks about it. */
export function plainError(error) {
  return {
    name: error?.constructor?.name,
    code: error?.code,
    cause: error?.cause?.code,
    message: String(error?.message ?? error),
  };
}

/** Resolves when the test has written a line; once. */
export function told() {
  return new Promise((resolve) => {
    process.stdin.once('data', (data) => {
      process.stdin.destroy(); // An open stdin would keep this process alive.
      resolve(String(data).trim());
    });
  });
}
