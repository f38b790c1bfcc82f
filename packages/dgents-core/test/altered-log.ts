/** A log as somebody with access to the store might leave it: each record as it was, or changed. */
import { type Backend, type Head, type LogRecord, MemoryBackend } from '../src/index.js';

/** Every record of a log, as text. */
export async function recordsOf(backend: Backend, key: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of backend.range(key)) records.push(record);
  return records;
}

/** A store that holds these records, each one acknowledged by itself. */
export async function storeOf(logs: Readonly<Record<string, readonly LogRecord[]>>): Promise<MemoryBackend> {
  const backend = new MemoryBackend({ values: false });
  for (const [key, records] of Object.entries(logs)) {
    let expected: Head | null = null;
    for (const record of records) {
      const [result] = await backend.commit([{ key, expected, records: [record] }]);
      if (result?.ok !== true) throw new TypeError(`Version ${record.version} was refused.`);
      expected = result.head;
    }
  }
  return backend;
}

/** The text with one bit of one character changed. */
export function bitFlipped(text: string, at: number): string {
  const code = text.charCodeAt(at);
  return text.slice(0, at) + String.fromCharCode(code ^ 1) + text.slice(at + 1);
}
