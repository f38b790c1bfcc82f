import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Append, Head, RecordKind } from '../../../backend.js';
import { like } from '../../support/assertions.js';
import { appendOf, checkpointOf, commitOne, headOf, record } from '../../support/records.js';
import type { Deed } from './commands.js';
import { aHandle, aKey, aNumber, isThere, KEYS, logOf, thatLog, versionFrom } from './given.js';
import { floorOf, type Log, type Model, take } from './model.js';
import type { Real } from './real.js';

interface OnKey {
  readonly key: string;
  readonly handle: number;
}

const kinds = fc.array(fc.constantFrom<RecordKind>('set', 'set', 'patch', 'event', 'tombstone'), {
  minLength: 1,
  maxLength: 3,
});

/** What comes next in this log. */
function next(model: Model, real: Real, key: string, of: readonly RecordKind[]): Append {
  const log = model.logs.get(key);
  const last = log?.records.length ?? 0;
  return appendOf(real.key(key), log?.head ?? null, ...of.map((kind, i) => record(last + i + 1, kind)));
}

export const append: Deed<OnKey & { readonly kinds: readonly RecordKind[] }> = {
  name: 'append',
  given: fc.record({ key: aKey, handle: aHandle, kinds }),
  run: async (model, real, { key, handle, kinds }) => {
    const due = next(model, real, key, kinds);
    const result = await commitOne(real.handle(handle), due);
    like(result, { ok: true, replayed: false, head: headOf(due.records.at(-1)!) });
    take(model, key, due, result.head as Head);
  },
};

/** Appends to two keys in one commit, the second one maybe too late. */
export const commitMany: Deed<{ readonly handle: number; readonly first: number; readonly late: boolean }> = {
  name: 'commitMany',
  given: fc.record({ handle: aHandle, first: fc.nat(KEYS.length - 1), late: fc.boolean() }),
  run: async (model, real, { handle, first, late }) => {
    const [one, other] = [KEYS[first] as string, KEYS[(first + 1) % KEYS.length] as string];
    const good = next(model, real, one, ['set', 'event']);
    const second = next(model, real, other, ['set']);
    const strange = { ...second, expected: headOf(record(second.records[0]!.version - 1 || 1)) };
    const appends = [good, late ? { ...strange, records: [record(strange.expected.version + 1)] } : second];
    const [a, b] = await real.handle(handle).commit(appends);
    like(a, { ok: true, replayed: false, head: headOf(good.records.at(-1)!) });
    take(model, one, good, a!.head as Head);
    if (late) return assertRefused(b, model.logs.get(other));
    like(b, { ok: true, replayed: false, head: headOf(second.records[0]!) });
    take(model, other, second, b!.head as Head);
  },
};

type Mistake = 'nothing' | 'older' | 'foreign' | 'ahead';

/** An append that expects what is not there. */
export const stale: Deed<OnKey & { readonly how: Mistake; readonly number: number }> = {
  name: 'stale',
  given: fc.record({
    key: aKey,
    handle: aHandle,
    how: fc.constantFrom<Mistake>('nothing', 'older', 'foreign', 'ahead'),
    number: aNumber,
  }),
  when: (model, given) => {
    const length = logOf(model, given)?.records.length ?? 0;
    return given.how === 'nothing' ? length > 0 : given.how === 'older' ? length > 1 : true;
  },
  run: async (model, real, { key, handle, how, number }) => {
    const log = model.logs.get(key);
    const expected = mistaken(log, how, number);
    const late = appendOf(real.key(key), expected, record((expected?.version ?? 0) + 1));
    assertRefused(await commitOne(real.handle(handle), late), log);
  },
};

function mistaken(log: Log | undefined, how: Mistake, number: number): Head | null {
  const length = log?.records.length ?? 0;
  if (how === 'nothing') return null;
  if (how === 'older') return headOf(log!.records[number % (length - 1)]!);
  if (how === 'ahead' || log === undefined) return headOf(record(length + 1 + (number % 5)));
  return { ...headOf(log.records.at(-1)!), id: 'of another' };
}

function assertRefused(result: unknown, log: Log | undefined): void {
  const last = log?.records.at(-1);
  like(result, { ok: false, head: last === undefined ? null : headOf(last) });
}

/** An append that is sent again, as far back as it is kept. */
export const replay: Deed<OnKey & { readonly number: number }> = {
  name: 'replay',
  given: fc.record({ key: aKey, handle: aHandle, number: aNumber }),
  when: (model, given) => (logOf(model, given)?.appends.length ?? 0) > 0,
  run: async (model, real, { key, handle, number }) => {
    const log = thatLog(model, { key });
    const kept = log.appends.filter(({ records }) => records[0]!.version > (log.base?.version ?? 0));
    if (kept.length === 0) return;
    const again = kept[number % kept.length]!;
    const result = await commitOne(real.handle(handle), again);
    like(result, { ok: true, replayed: true, head: headOf(again.records.at(-1)!) });
  },
};

/** What is under another id changes nothing, which is soon seen. */
const mostly = fc.constantFrom(true, true, true, false);

export const trim: Deed<OnKey & { readonly number: number; readonly right: boolean }> = {
  name: 'trim',
  given: fc.record({ key: aKey, handle: aHandle, number: aNumber, right: mostly }),
  when: isThere,
  run: async (model, real, { key, handle, number, right }) => {
    const log = thatLog(model, { key });
    const version = versionFrom(log, 1, number);
    const base = checkpointOf(log.records[version - 1]!);
    await real.handle(handle).trim(real.key(key), right ? base : { ...base, id: 'of another' });
    if (!right || version <= floorOf(log)) return;
    log.base = base;
    log.offered = log.offered.filter((each) => each.version >= version);
  },
};

export const checkpoint: Deed<OnKey & { readonly number: number; readonly right: boolean }> = {
  name: 'checkpoint',
  given: fc.record({ key: aKey, handle: aHandle, number: aNumber, right: mostly }),
  when: isThere,
  run: async (model, real, { key, handle, number, right }) => {
    const log = thatLog(model, { key });
    const version = versionFrom(log, 1, number);
    const offer = checkpointOf(log.records[version - 1]!);
    await real.handle(handle).checkpoint(real.key(key), right ? offer : { ...offer, id: 'of another' });
    if (right && version >= floorOf(log)) log.offered.push(offer);
    assert.ok(log.offered.every((each) => each.version >= floorOf(log)));
  },
};
