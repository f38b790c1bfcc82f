/** From git into the stream: what is missing, in batches, parents before their children. */
import { createHash } from 'node:crypto';
import { DgentsError } from 'dgents-core';
import type { StreamAgent } from 'dgents-stream';
import { AuditError } from './errors.js';
import type { Repository } from './git/repository.js';
import type { History, HistoryEvent } from './history.js';

export type HistoryStream = StreamAgent<HistoryEvent, History>;

export interface ImportOptions {
  /** Commits stored by one append. */
  readonly batch?: number;
  /** Told after each append: commits stored by this import, and how many there were to store. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface Imported {
  readonly added: number;
  /** Of the stream. */
  readonly version: number;
  readonly head: string;
}

const BATCH = 100;

/**
 * Safe to kill at any time, to run again, and to run twice at once: where it goes on is what the stream itself says.
 * @throws AuditError when the history that was imported is no part of this one
 */
export async function importHistory(
  repository: Repository,
  stream: HistoryStream,
  options: ImportOptions = {},
): Promise<Imported> {
  const head = await repository.head();
  let added = 0;
  for (;;) {
    const before = added;
    try {
      const version = await importOnce(repository, stream, head, options, (count) => {
        added += count;
      });
      return { added, version, head };
    } catch (error) {
      // Another import was faster. That one has made progress, so this ends.
      if (!DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) throw error;
      added = Math.max(before, added);
    }
  }
}

async function importOnce(
  repository: Repository,
  stream: HistoryStream,
  head: string,
  { batch: size = BATCH, onProgress, signal }: ImportOptions,
  onAdded: (count: number) => void,
): Promise<number> {
  const seen = await stream.read();
  const { tips } = seen.state;
  await assertSameHistory(repository, tips, head);
  const total = await repository.count(head, tips);
  let version = seen.version;
  let done = 0;
  let batch: HistoryEvent[] = [];
  const append = async (): Promise<void> => {
    const result = await stream.append(batch, { expectedVersion: version, messageId: messageIdOf(batch) });
    version = result.version;
    done += batch.length;
    onAdded(result.duplicate ? 0 : batch.length);
    onProgress?.(done, total);
    batch = [];
  };
  for await (const event of repository.commits(head, tips)) {
    signal?.throwIfAborted();
    batch.push(event);
    if (batch.length === size) await append();
  }
  if (batch.length > 0) await append();
  return version;
}

/** The same commits, the same id: an append whose answer was lost is recognised when it is repeated. */
function messageIdOf(events: readonly HistoryEvent[]): string {
  const hash = createHash('sha256');
  for (const event of events) hash.update(`${event.hash}\n`);
  return `commits-${hash.digest('hex')}`;
}

async function assertSameHistory(repository: Repository, tips: readonly string[], head: string) {
  const stray = await repository.strayOf(tips, head);
  if (stray === undefined) return;
  throw new AuditError(
    `Commit ${stray.slice(0, 12)} was imported, and is no part of the history of ${head.slice(0, 12)} in ${repository.path}: another branch or another repository, or its history was rewritten. Nothing was changed. Check that branch out again, or begin another store: --store <file>.`,
  );
}
