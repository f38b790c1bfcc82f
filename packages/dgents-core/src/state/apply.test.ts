import { StateCorruptionError } from '../errors.js';
import { Replay } from './apply.js';
import { formatPointer, type PatchOp, parsePointer } from './patch.js';

const freeze = (value: any): any => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
};
const apply = (document: any, ...ops: PatchOp[]) => new Replay().apply(freeze(document), freeze(ops)) as any;

describe('a replay', () => {
  test('adds, replaces, removes and moves, in arrays and objects', () => {
    expect(apply({ a: [1, 2] }, { op: 'add', path: '/a/1', value: 9 })).toEqual({ a: [1, 9, 2] });
    expect(apply({ a: [1] }, { op: 'add', path: '/a/1', value: 9 })).toEqual({ a: [1, 9] });
    expect(apply({ a: [1] }, { op: 'add', path: '/a/-', value: 9 })).toEqual({ a: [1, 9] });
    expect(apply({ a: 1 }, { op: 'add', path: '/b', value: null })).toEqual({ a: 1, b: null });
    expect(apply({ a: 1 }, { op: 'replace', path: '/a', value: 2 })).toEqual({ a: 2 });
    expect(apply({ a: 1 }, { op: 'replace', path: '', value: [] })).toEqual([]);
    expect(apply({ a: [1, 2, 3] }, { op: 'remove', path: '/a/0' })).toEqual({ a: [2, 3] });
    expect(apply([1, 2, 3], { op: 'move', from: '/0', path: '/2' })).toEqual([2, 3, 1]);
    expect(apply([1, [2]], { op: 'move', from: '/1', path: '/0' })).toEqual([[2], 1]);
  });

  test('changes neither the document nor the operations, also where one operation goes into the value of another', () => {
    const value = { inner: [1] };
    const result = apply(
      {},
      { op: 'add', path: '/a', value },
      { op: 'add', path: '/a/inner/1', value: 2 },
      { op: 'move', from: '/a/inner', path: '/b' },
      { op: 'add', path: '/b/2', value: 3 },
    );
    expect(result).toEqual({ a: {}, b: [1, 2, 3] });
    expect(value).toEqual({ inner: [1] });
  });

  test('copies a container once, however many patches touch it', () => {
    const replay = new Replay();
    const first = replay.apply(freeze({ list: [] }), [{ op: 'add', path: '/list/0', value: 1 }]) as any;
    const second = replay.apply(first, [{ op: 'add', path: '/list/1', value: 2 }]) as any;
    expect(second).toBe(first);
    expect(second.list).toBe(first.list);
    expect(new Replay().apply(second, [{ op: 'remove', path: '/list/0' }])).not.toBe(second);
    expect(second.list).toEqual([1, 2]);
  });

  test('keys that mean something to JavaScript or to pointers are keys', () => {
    const document = JSON.parse('{"__proto__":{"a":1},"constructor":1}');
    const result = apply(
      document,
      { op: 'replace', path: '/__proto__/a', value: 2 },
      { op: 'remove', path: '/constructor' },
    );
    expect(JSON.stringify(result)).toBe('{"__proto__":{"a":2}}');
    expect(({} as any).a).toBeUndefined();
    expect(apply({ 'a/b': { '~1': 1 } }, { op: 'replace', path: '/a~1b/~01', value: 2 })).toEqual({
      'a/b': { '~1': 2 },
    });
    expect(() => apply({}, { op: 'replace', path: '/toString', value: 1 })).toThrow(StateCorruptionError);
    expect(() => apply({}, { op: 'add', path: '/toString/x', value: 1 })).toThrow(StateCorruptionError);
  });

  test.each<[string, any, any]>([
    ['an index beyond the end', [1], { op: 'add', path: '/2', value: 1 }],
    ['the end, where something has to be', [1], { op: 'replace', path: '/-', value: 1 }],
    ['an index with a leading zero', [1, 2], { op: 'remove', path: '/01' }],
    ['a negative index', [1], { op: 'remove', path: '/-1' }],
    ['an index that is a word', [1], { op: 'remove', path: '/length' }],
    ['a member that is not there', {}, { op: 'remove', path: '/a' }],
    ['a member below a primitive', { a: 1 }, { op: 'add', path: '/a/b', value: 1 }],
    ['the root removed', {}, { op: 'remove', path: '' }],
    ['a move from nowhere', {}, { op: 'move', from: '/a', path: '/b' }],
    ['a move without a source', {}, { op: 'move', path: '/b' }],
    ['an operation that is not ours', {}, { op: 'test', path: '', value: {} }],
    ['a path without a slash', { a: 1 }, { op: 'remove', path: 'xa' }],
    ['a path that is no text', {}, { op: 'add', path: 1, value: 1 }],
    ['an addition of nothing', {}, { op: 'add', path: '/a' }],
    ['nothing', {}, null],
    ['a number', {}, 1],
  ])('refuses %s as damage', (_, document, op) => {
    expect(() => apply(document, op)).toThrow(StateCorruptionError);
  });
});

test('a pointer is read as it is written', () => {
  for (const segments of [[], [''], ['a', '', 'b'], ['~', '/', '~1', '~0'], ['0', '-']]) {
    expect(parsePointer(formatPointer(segments))).toEqual(segments);
  }
  expect(formatPointer(['list', 3, '$map'])).toBe('/list/3/$map');
});
