/** What processes of their own import: `open` by the name of a fault, which the place carries. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Backend } from '../../../backend.js';
import { Store } from '../../../store.js';
import type { AgentSettings } from '../../agent-subject.js';
import type { EventStream, EventStreamSettings } from '../../stream-subject.js';
import { agentFiles } from './agent-files.js';
import { concurrencyFiles } from './concurrency-files.js';
import { crashFiles } from './crash-files.js';
import { durabilityFiles } from './durability-files.js';
import type { SpoiledFile } from './spoiled-file.js';
import { FileStream, streamFiles } from './stream-files.js';
import { ToyBackend } from './toy-backend.js';
import { ToyFile } from './toy-file.js';

export const spoiledFiles: readonly SpoiledFile[] = [
  ...concurrencyFiles,
  ...durabilityFiles,
  ...crashFiles,
  ...agentFiles,
  ...streamFiles,
];

export interface Place {
  readonly path: string;
  /** The name of a fault; without it the file is honest. */
  readonly fault?: string;
}

/** The files that handles of this process have open, and those that stay when the last one is closed. */
const files = new Map<string, { readonly file: ToyFile; users: number }>();

export function create(fault?: string): Place {
  const path = join(mkdtempSync(join(tmpdir(), 'dgents-toy-')), 'store', 'log');
  return { path, ...(fault !== undefined && { fault }) };
}

/** A backend; or a stream, where it is told how events are folded. */
export function open(place: Place, settings?: AgentSettings): Backend;
export function open(place: Place, settings: EventStreamSettings): EventStream;
export function open(place: Place, settings?: AgentSettings | EventStreamSettings): Backend | EventStream {
  const backend = backendAt(place);
  return settings !== undefined && 'fold' in settings
    ? new FileStream(new Store(backend), settings)
    : backend;
}

function backendAt({ path, fault }: Place): Backend {
  const spoiled = spoiledFiles.find(({ name }) => name === fault);
  const known = files.get(path) ?? { file: new (spoiled?.file ?? ToyFile)(path), users: 0 };
  files.set(path, known);
  known.users++;
  return new ToyBackend(known.file, spoiled?.sharing ?? 'host', async () => {
    known.users--;
    if (known.users === 0 && (await known.file.end()) && known.users === 0) files.delete(path);
  });
}

export function destroy({ path }: Place): void {
  files.delete(path);
  rmSync(dirname(dirname(path)), { recursive: true, force: true });
}

/** This module as Node runs it: its twin in `dist`, where its TypeScript is running. */
export const importFrom = import.meta.url.endsWith('.ts')
  ? new URL('../../../../dist/testing/faults/crashes/module.js', import.meta.url)
  : new URL(import.meta.url);
