/** PersistentAgent as a subject of the kit: each state in a file of its own, the files of one test in one directory. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PersistentAgent } from 'dgents-core';

export const kind = 'agent';
export const name = 'PersistentAgent';
export const importFrom = import.meta.url;

export const claims = { durability: 'power', sharing: 'host' };

export function create() {
  return mkdtempSync(join(tmpdir(), 'dgents-persistent-'));
}

export function open(place, { key, ...options }) {
  return new PersistentAgent({ path: pathOf(place, key), ...options });
}

export function destroy(place) {
  rmSync(place, { recursive: true, force: true });
}

/** What a key may be and how long a file's name are different questions: PersistentAgent is given a path. */
export function pathOf(place, key, extension = 'jsonl') {
  return join(place, `${createHash('sha256').update(key, 'utf16le').digest('hex')}.${extension}`);
}
