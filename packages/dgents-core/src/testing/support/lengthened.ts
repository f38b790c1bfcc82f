import type { Backend, LogRecord } from '../../backend.js';
import { like } from './assertions.js';
import { appendOf, commitOne, record } from './records.js';

/** A log made so long, a hundred records at a time or as many as are allowed; gives all of it. */
export async function lengthened(
  backend: Backend,
  key: string,
  log: readonly LogRecord[],
  length: number,
): Promise<LogRecord[]> {
  const size = Math.min((await backend.ready()).limits.recordsPerAppend, 100);
  const grown = [...log];
  let head = (await backend.read(key, { limit: 0 })).head;
  while (grown.length < length) {
    const count = Math.min(size, length - grown.length);
    const records = Array.from({ length: count }, (_, i) => {
      const version = grown.length + i + 1;
      return record(version, version === 1 ? 'set' : 'patch');
    });
    const result = await commitOne(backend, appendOf(key, head, ...records));
    like(result, { ok: true }, `records from ${grown.length + 1} on are accepted`);
    head = result.head;
    grown.push(...records);
  }
  return grown;
}
