import type { Append, CommitOptions } from '../backend.js';
import { claiming } from './capabilities.js';
import { checkCommit } from './checks.js';

const limits = { keyBytes: 255, recordBytes: 2 ** 20, recordsPerAppend: 100, appendsPerCommit: 100 };
const append: Append = {
  key: 'k',
  expected: null,
  records: [{ version: 1, kind: 'set', at: 0, id: 'x', data: '1' }],
};
const check = (appends: readonly Append[], options: CommitOptions, joins = true) => {
  const backend = { name: 'some', capabilities: claiming({ limits, atomicity: 'store', joins }) };
  return () => checkCommit(backend, appends, options);
};
const within = () => undefined;

test('work within a commit is taken where it is claimed, with atomic and an append', () => {
  expect(check([append], { atomic: true, within })).not.toThrow();
});

test.each<[string, readonly Append[], CommitOptions, boolean, string]>([
  ['where it is not claimed', [append], { atomic: true, within }, false, 'UnsupportedError'],
  ['without atomic', [append], { within }, true, 'TypeError'],
  ['without an append', [], { atomic: true, within }, true, 'TypeError'],
  ['that is no function', [append], { atomic: true, within: 1 as never }, true, 'TypeError'],
])('work %s is refused', (_, appends, options, joins, name) => {
  expect(check(appends, options, joins)).toThrow(expect.objectContaining({ name }));
});
