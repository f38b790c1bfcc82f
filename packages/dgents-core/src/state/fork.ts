/** A new state that begins with what another one was. Works on the log alone: the document is copied as it is. */
import type { Head, LogRecord, Meta, Version } from '../backend.js';
import { tagsIn } from '../blobs/blob-tag.js';
import { putBlobs, withBlobs } from '../blobs/blob-tags.js';
import type { Json } from '../codec/json.js';
import { OutcomeUnknownError, StateConflictError, StateNotFoundError, UnsupportedError } from '../errors.js';
import { type CommitEnd, commit } from './commit.js';
import { type Call, remainingMs } from './deadlines.js';
import type { Definition, DefinitionOptions } from './definition.js';
import type { Engine } from './engine.js';
import { summary } from './operation.js';
import { compacted } from './replica.js';
import { versionAt } from './time.js';

/** Where a fork began, as its first version's meta tells. */
export interface ForkOrigin {
  readonly key: string;
  readonly version: Version;
  readonly id: string;
}

/**
 * @param how how what is stored is wrapped: it is bound to its address, and wrapped anew for the other one; with `blobs`,
 *   they are put anew too
 * @returns the first version of the new state
 * @throws StateNotFoundError, LogCompactedError, StateConflictError; UnsupportedError for blobs that were to be encrypted; RangeError for a version that does not exist yet
 */
export async function fork(
  engine: Engine,
  from: string,
  to: string,
  at: Version | Date | undefined,
  call: Call,
  how: Pick<DefinitionOptions<unknown>, 'transforms' | 'blobs'>,
): Promise<Version> {
  const cell = engine.cell(engine.define(how), from);
  const { backend } = engine;
  const { wrapping } = cell.definition;
  wrapping.assertFits(engine.port, backend.name);
  const source = await engine.within(
    backend.read(from, { limit: 1, ...engine.portOptions(call) }),
    call,
    from,
  );
  const version = await versionOf(source.head, at, (time) => versionAt(cell, time, remainingMs(call)));
  if (version !== undefined && version > 0 && version < source.floor)
    throw compacted(from, version, source.floor);
  if (version !== undefined && version > (source.head?.version ?? 0)) {
    throw new RangeError(
      `"${from}" has no version ${version} yet; the newest is ${source.head?.version ?? 0}.`,
    );
  }
  const found =
    version === undefined || version === 0
      ? undefined
      : await engine.within(cell.reader.stored(remainingMs(call), version), call, from);
  if (found?.document === undefined)
    throw new StateNotFoundError(`There is no state "${from}" to fork.`, { key: from });
  const { schema } = found;
  const document = await engine.within(copied(cell.definition, found.document, from), call, from);
  if (
    wrapping.encrypts &&
    wrapping.blobs === undefined &&
    tagsIn(document, from).some(({ keyId }) => keyId === undefined)
  ) {
    throw new UnsupportedError(
      `"${from}" refers to blobs, which lie in their store as they are and do not go with \`encrypt\`. Give the ` +
        'fork `blobs: { store, keys }` too, so that they are encrypted as well. Nothing was stored.',
      { key: from },
    );
  }
  const forkOf: ForkOrigin = { key: from, version: found.head.version, id: found.head.id };
  const target = await engine.within(backend.read(to, { limit: 1, ...engine.portOptions(call) }), call, to);
  const plain: LogRecord = {
    version: (target.head?.version ?? 0) + 1,
    kind: 'set',
    at: Math.max(engine.clock(), target.head?.at ?? 0),
    id: engine.newId(),
    document,
    get data() {
      return JSON.stringify(document);
    },
    ...(schema === 1 ? {} : { schema }),
    meta: { forkOf } as unknown as Meta,
  };
  const record = wrapping.record(to, plain, target.head?.id);
  if (target.head !== null && !target.head.deleted) throw taken(to, target.head);
  const puts = putBlobs([record]);
  if (puts !== undefined) await engine.within(puts, call, to);
  const current = engine.port.materializes ? { document: plain.data } : {};
  const append = { key: to, expected: target.head, records: [record], ...current };
  settle(await commit(engine, append, call, remainingMs(call)), to, record, target.head);
  return record.version;
}

/** The document to be stored: with its blobs in it where they are to be put anew, as their keys and store are now. */
async function copied({ codec, wrapping }: Definition, document: Json, from: string): Promise<Json> {
  if (wrapping.blobs === undefined || tagsIn(document, from).length === 0) return document;
  return withBlobs(document, await wrapping.blobs.fetch(document, new Map(), codec.maxBytes, from));
}

async function versionOf(
  head: Head | null,
  at: Version | Date | undefined,
  byTime: (time: number) => Promise<Version>,
): Promise<Version | undefined> {
  if (head === null) return undefined;
  if (at === undefined) return head.version;
  return typeof at === 'number' ? at : byTime(at.getTime());
}

function settle(end: CommitEnd, to: string, { id }: LogRecord, expected: Head | null): void {
  if (end.kind === 'committed') return;
  if (end.kind === 'failed') throw end.error;
  if (end.kind === 'refused') throw taken(to, expected);
  throw new OutcomeUnknownError(`Whether "${to}" was made is not known. Look at it before forking again.`, {
    operationId: id,
    expected: summary(expected),
    cause: end.error,
    key: to,
  });
}

function taken(to: string, actual: Head | null): StateConflictError {
  return new StateConflictError(
    `There is a state "${to}" already. Fork to another key, or delete it first.`,
    {
      expected: summary(null),
      actual: summary(actual),
      key: to,
    },
  );
}
