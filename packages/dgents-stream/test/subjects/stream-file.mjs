/** StreamAgent on files as a subject of the kit, of which every change is an event. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBackend, Store } from 'dgents-core';
import { streamOn } from '../../dist/testing/stream-subject.js';

export const kind = 'agent';
export const name = 'StreamAgent, all of it events, on a file';
export const importFrom = import.meta.url;

export const claims = { durability: 'power', sharing: 'host' };

export function create() {
  return mkdtempSync(join(tmpdir(), 'dgents-stream-'));
}

export function open(place, settings) {
  return streamOn(new Store(fileBackend({ path: place })), settings, true);
}

export function destroy(place) {
  rmSync(place, { recursive: true, force: true });
}
