import { type Operation, unexplained } from './linearizability.js';

/** Between which moments, by whom, and what. Version v of `A` has the id `Av`. */
function read(client: string, invoked: number, ended: number, id: string | null): Operation {
  const seen = id === null ? null : { version: versionOf(id), id, content: `content of ${id}` };
  return { kind: 'read', client, invoked, ended, seen };
}

function write(
  client: string,
  invoked: number,
  ended: number,
  after: string | null,
  outcome: 'ok' | 'unknown' | { actual: string | null } = 'ok',
): Operation {
  const expected = after === null ? null : { version: versionOf(after), id: after };
  const version = (expected?.version ?? 0) + 1;
  const id = `${client}${version}`;
  const wrote = { version, id, content: `content of ${id}` };
  if (typeof outcome === 'string') {
    return { kind: 'commit', client, invoked, ended, expected, wrote, outcome, seen: null };
  }
  const seen = outcome.actual === null ? null : { version: versionOf(outcome.actual), id: outcome.actual };
  return { kind: 'commit', client, invoked, ended, expected, wrote, outcome: 'fail', seen };
}

function versionOf(id: string): number {
  return Number(/\d+$/.exec(id)?.[0]);
}

describe('histories that one order of events explains', () => {
  const HISTORIES: [string, Operation[]][] = [
    ['nothing at all', []],
    ['a read of nothing', [read('A', 1, 2, null)]],
    [
      'one after the other',
      [write('A', 1, 2, null), read('B', 3, 4, 'A1'), write('B', 5, 6, 'A1'), read('A', 7, 8, 'B2')],
    ],
    ['a read while a write is under way, that sees it', [write('A', 1, 10, null), read('B', 2, 3, 'A1')]],
    [
      'a read while a write is under way, that does not see it',
      [write('A', 1, 10, null), read('B', 2, 3, null)],
    ],
    [
      'reads at the same time that see old and new',
      [write('A', 1, 10, null), read('B', 2, 9, null), read('C', 2, 9, 'A1'), read('D', 8, 9, 'A1')],
    ],
    ['two writers at once, one refused', [write('A', 1, 10, null), write('B', 2, 9, null, { actual: 'A1' })]],
    [
      'a write in doubt that happened late',
      [write('A', 1, 2, null, 'unknown'), read('B', 3, 4, null), read('B', 5, 6, 'A1')],
    ],
    [
      'a write in doubt that never happened',
      [write('A', 1, 2, null, 'unknown'), write('B', 3, 4, null), read('A', 5, 6, 'B1')],
    ],
    [
      'a write in doubt that another one follows',
      [write('A', 1, 2, null, 'unknown'), write('B', 3, 4, null, { actual: 'A1' }), write('B', 5, 6, 'A1')],
    ],
    [
      'events at the very same moments',
      [write('A', 1, 1, null), read('B', 1, 1, null), read('C', 1, 1, 'A1')],
    ],
  ];

  test.each(HISTORIES)('%s', (_, history) => {
    expect(unexplained(history)).toEqual([]);
    expect(unexplained([...history].reverse())).toEqual([]);
  });
});

describe('histories that nothing explains', () => {
  const HISTORIES: [string, Operation[], RegExp][] = [
    [
      'a lost write',
      [write('A', 1, 2, null), read('B', 3, 4, null)],
      /B saw 0, though A wrote 1 before that/,
    ],
    [
      'a read that is older than one before it',
      [write('A', 1, 2, null), write('A', 3, 20, 'A1'), read('B', 4, 5, 'A2'), read('C', 6, 7, 'A1')],
      /C saw 1, though B saw 2 before that/,
    ],
    ['a read of what is written later', [read('B', 1, 2, 'A1'), write('A', 3, 4, null)], /before/],
    [
      'two winners of one version',
      [write('A', 1, 5, null), write('B', 1, 5, null)],
      /version 1 was written by A and by B/,
    ],
    [
      'a stale version that won',
      [write('A', 1, 2, null), write('B', 3, 4, 'A1'), write('C', 5, 6, 'A1')],
      /by B and by C/,
    ],
    [
      'a write after a version that another one overwrote',
      [write('A', 1, 5, null, 'unknown'), write('B', 1, 5, null), write('C', 6, 7, 'A1')],
      /follows another 1|by A and by B/,
    ],
    [
      'a sight of a write that was refused',
      [write('A', 1, 2, null), write('B', 3, 4, null, { actual: 'A1' }), read('C', 5, 6, 'B1')],
      /C saw version 1 under the id B1/,
    ],
    ['a sight of what nobody wrote', [read('A', 1, 2, 'X1')], /nobody wrote/],
    ['a gap', [write('A', 1, 2, null), write('C', 5, 6, 'X2')], /nobody wrote|2 is not/],
    [
      'a refusal without a reason',
      [write('A', 1, 2, null), write('B', 3, 4, 'A1', { actual: 'A1' })],
      /refused, though the head was the one/,
    ],
    [
      'a refusal by a head that was long gone',
      [write('A', 1, 2, null), write('A', 3, 4, 'A1'), write('B', 5, 6, null, { actual: 'A1' })],
      /B saw 1/,
    ],
    [
      'versions that took place the other way round',
      [write('B', 1, 2, 'A1'), write('A', 3, 4, null)],
      /before/,
    ],
    [
      'another content',
      [
        write('A', 1, 2, null),
        { ...read('B', 3, 4, 'A1'), seen: { version: 1, id: 'A1', content: 'x' } } as Operation,
      ],
      /another content/,
    ],
  ];

  test.each(HISTORIES)('%s', (_, history, problem) => {
    expect(unexplained(history).join('\n')).toMatch(problem);
    expect(unexplained([...history].reverse())).not.toEqual([]);
  });
});
