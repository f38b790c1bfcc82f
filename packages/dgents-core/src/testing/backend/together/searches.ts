import assert from 'node:assert/strict';
import fc from 'fast-check';
import { all, headOf } from '../../support/records.js';
import type { Deed } from './commands.js';
import { aHandle, aKey, isThere, KEYS, thatLog } from './given.js';

/** The keys of this run that begin with a prefix, with their heads or without. */
export const listKeys: Deed<{ readonly handle: number; readonly begin: string; readonly heads: boolean }> = {
  name: 'keys',
  given: fc.record({ handle: aHandle, begin: fc.constantFrom('', ...KEYS, 'a/', 'b'), heads: fc.boolean() }),
  run: async (model, real, { handle, begin, heads }) => {
    const found = await all(real.handle(handle).keys(real.key(begin), { heads }));
    const due = [...model.logs].filter(([key]) => key.startsWith(begin));
    const told = found.map(({ key, head }) => [
      key,
      ...(heads ? [head?.version, head?.id, head?.deleted] : []),
    ]);
    assert.deepEqual(
      told.sort(),
      due
        .map(([key, { records }]) => {
          const { version, id, deleted } = headOf(records.at(-1)!);
          return [real.key(key), ...(heads ? [version, id, deleted] : [])];
        })
        .sort(),
    );
  },
};

export const findIds: Deed<{ readonly key: string; readonly handle: number }> = {
  name: 'find',
  given: fc.record({ key: aKey, handle: aHandle }),
  when: isThere,
  run: async (model, real, { key, handle }) => {
    const { records, base } = thatLog(model, { key });
    const backend = real.handle(handle);
    const remembered = records.length - (await backend.ready()).idempotencyRecords;
    const kept = records.filter(({ version }) => version > Math.max(base?.version ?? 0, remembered));
    const found = await backend.find!(real.key(key), [...kept.map(({ id }) => id), 'of nobody']);
    assert.deepEqual([...found].sort(), kept.map(({ id, version }) => [id, version]).sort());
  },
};
