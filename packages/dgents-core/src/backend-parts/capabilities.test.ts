import { claiming } from './capabilities.js';

const limits = { keyBytes: 1, recordBytes: 2, recordsPerAppend: 3, appendsPerCommit: 4 };

test('what is not claimed is not there', () => {
  expect(claiming({ limits })).toEqual({
    durability: 'none',
    sharing: 'process',
    atomicity: 'key',
    feed: false,
    watch: false,
    ttl: false,
    orderedKeys: false,
    values: false,
    materializes: false,
    idempotencyRecords: 1_000,
    limits,
  });
});

test('what is claimed is there, and nothing else changes', () => {
  const claimed = { durability: 'power', feed: 'global', idempotencyRecords: 5 } as const;
  expect(claiming({ limits, ...claimed })).toEqual({ ...claiming({ limits }), ...claimed });
});

test('claims cannot be changed afterwards, neither those handed out nor by who handed them in', () => {
  const mine = { ...limits };
  const capabilities = claiming({ limits: mine });
  mine.keyBytes = 99;
  expect(capabilities.limits.keyBytes).toBe(1);
  expect([Object.isFrozen(capabilities), Object.isFrozen(capabilities.limits)]).toEqual([true, true]);
  expect(Object.isFrozen(mine)).toBe(false);
});
