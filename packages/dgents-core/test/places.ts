import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '../src/backend.js';
import { fileBackend } from '../src/file/file-backend.js';
import { memoryBackend } from '../src/memory/memory-backend.js';

/** Logs of one test, and any number of backends on them. */
export interface Place {
  /** One more backend on the same logs. */
  readonly backend: () => Backend;
  readonly destroy: () => void;
}

/** Where states are kept in tests: as values, as text, in files. */
export const PLACES: readonly (readonly [name: string, open: () => Place])[] = [
  ['memory', () => inMemory(true)],
  ['memory as text', () => inMemory(false)],
  ['file', inFiles],
];

function inMemory(values: boolean): Place {
  const first = memoryBackend({ values });
  return { backend: () => memoryBackend({ sharing: first }), destroy: () => undefined };
}

function inFiles(): Place {
  const path = mkdtempSync(join(tmpdir(), 'dgents-'));
  return {
    backend: () => fileBackend({ path, durability: 'process' }),
    destroy: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Collects what an iteration gives. */
export async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** What a promise rejects with; fails when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new TypeError('It was expected to reject, and resolved.');
}
