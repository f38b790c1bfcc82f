import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LogTail } from '../../../backend.js';
import { like, rejects } from '../../support/assertions.js';
import { readWhole } from '../../support/readings.js';
import { all, assertRecords, assertWholeTail, headOf, plain } from '../../support/records.js';
import type { Deed } from './commands.js';
import { aHandle, aKey, aNumber, isThere, thatLog, versionFrom } from './given.js';
import { floorOf, type Log, startsFor } from './model.js';

interface OnKey {
  readonly key: string;
  readonly handle: number;
}

interface OnVersion extends OnKey {
  readonly number: number;
}

/** Head and floor are those of the whole log, whatever is read of it. */
function assertEnds(tail: LogTail, log: Log): void {
  like(tail, { head: headOf(log.records.at(-1)!), floor: floorOf(log) });
}

export const readNow: Deed<OnKey> = {
  name: 'read',
  given: fc.record({ key: aKey, handle: aHandle }),
  run: async (model, real, { key, handle }) => {
    const log = model.logs.get(key);
    const tail = await readWhole(real.handle(handle), real.key(key));
    if (log === undefined) {
      return like(tail, { head: null, floor: 0, since: 'same', records: [], more: false });
    }
    assertEnds(tail, log);
    assertWholeTail(tail, log.records, log.records.length, startsFor(log, log.records.length));
  },
};

/** Whole, or in pages of so many. */
const pages = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });

export const readAt: Deed<OnVersion & Paged> = {
  name: 'read at',
  given: fc.record({ key: aKey, handle: aHandle, number: aNumber, limit: pages }),
  when: isThere,
  run: async (model, real, { key, handle, number, limit }) => {
    const log = thatLog(model, { key });
    const at = versionFrom(log, 1, number);
    const reading = readWhole(real.handle(handle), real.key(key), { at, ...(limit && { limit }) });
    if (at < floorOf(log)) {
      await rejects(reading, 'DGENTS_LOG_COMPACTED', { floor: floorOf(log) });
      return;
    }
    const tail = await reading;
    assertEnds(tail, log);
    assertWholeTail(tail, log.records, at, startsFor(log, at));
  },
};

/** What followed a head, up to now or to a later version; the head may be gone, or of another log. */
export const readAfter: Deed<
  OnVersion & Paged & { readonly foreign: boolean; readonly to: number | undefined }
> = {
  name: 'read after',
  given: fc.record({
    key: aKey,
    handle: aHandle,
    number: aNumber,
    foreign: fc.boolean(),
    limit: pages,
    to: fc.option(aNumber, { nil: undefined }),
  }),
  when: isThere,
  run: async (model, real, { key, handle, number, foreign, limit, to }) => {
    const log = thatLog(model, { key });
    const floor = floorOf(log);
    const version = versionFrom(log, foreign ? floor : 1, number);
    const at = to === undefined ? undefined : versionFrom(log, Math.max(version, floor), to);
    const seen = headOf(log.records[version - 1]!);
    const after = foreign ? { ...seen, id: 'of another' } : seen;
    const options = { after, ...(limit && { limit }), ...(at !== undefined && { at }) };
    const tail = await readWhole(real.handle(handle), real.key(key), options);
    assertEnds(tail, log);
    assert.equal(tail.since, foreign ? 'diverged' : version < floor ? 'trimmed' : 'same');
    const end = at ?? log.records.length;
    if (tail.since === 'same') assertRecords(tail.records, log.records, version + 1, end);
    else assertWholeTail(tail, log.records, end, startsFor(log, end));
  },
};

/** Page after page, until there is no more. */
export const readLimited: Deed<OnKey & { readonly limit: number }> = {
  name: 'read in pages of',
  given: fc.record({ key: aKey, handle: aHandle, limit: fc.integer({ min: 1, max: 5 }) }),
  when: isThere,
  run: async (model, real, { key, handle, limit }) => {
    const log = thatLog(model, { key });
    const tail = await readWhole(real.handle(handle), real.key(key), { limit });
    assertEnds(tail, log);
    assertWholeTail(tail, log.records, log.records.length, startsFor(log, log.records.length));
  },
};

export const rangeOf: Deed<OnKey & RangeGiven> = {
  name: 'range',
  given: fc.record({
    key: aKey,
    handle: aHandle,
    from: fc.option(aNumber, { nil: undefined }),
    to: fc.option(aNumber, { nil: undefined }),
    reverse: fc.boolean(),
    limit: fc.option(fc.nat(6), { nil: undefined }),
  }),
  run: async (model, real, { key, handle, reverse, limit, ...bounds }) => {
    const log = model.logs.get(key);
    const length = log?.records.length ?? 0;
    const from = bounds.from === undefined ? undefined : 1 + (bounds.from % (length + 2));
    const to = bounds.to === undefined ? undefined : 1 + (bounds.to % (length + 2));
    const options = {
      reverse,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(limit !== undefined && { limit }),
    };
    const found = await all(real.handle(handle).range(real.key(key), options));
    const kept = (log?.records ?? []).filter(
      ({ version }) =>
        version > (log?.base?.version ?? 0) && version >= (from ?? 1) && version <= (to ?? length),
    );
    if (reverse) kept.reverse();
    assert.deepEqual(found.map(plain), kept.slice(0, limit ?? kept.length).map(plain));
  },
};

interface Paged {
  readonly limit: number | undefined;
}

interface RangeGiven {
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly reverse: boolean;
  readonly limit: number | undefined;
}
