/** The file backend, durable through a power cut, as a subject of the kit; also for processes of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileBackend } from 'dgents-core';

export const name = 'file, power';
export const importFrom = import.meta.url;

export const claims = {
  durability: 'power',
  sharing: 'host',
  orderedKeys: true,
  find: true,
};

export function create() {
  return join(mkdtempSync(join(tmpdir(), 'dgents-file-')), 'store');
}

export function open(place) {
  return fileBackend({ path: place });
}

export function destroy(place) {
  rmSync(dirname(place), { recursive: true, force: true });
}
