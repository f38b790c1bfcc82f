/** What a draft may bring along that cannot be stored: refused, with its path, whatever the diff walks through. */
import { Codec } from '../codec/codec.js';
import { diff } from './diff.js';

const codec = new Codec();

function held(value: unknown) {
  const own = codec.copy(value);
  return { ...own, bytes: Buffer.byteLength(JSON.stringify(codec.encode(own.value))) };
}

describe('what cannot be stored is refused', () => {
  class Unknown {}
  const cycle: Record<string, unknown> = {};
  cycle.again = cycle;
  const accessor = (target: object, name: PropertyKey) =>
    Object.defineProperty(target, name, { get: () => 1, enumerable: true, configurable: true });
  const long = () => Array.from({ length: 100 }, (_, index) => index);
  const base = held({
    o: { a: 1, b: 2 },
    short: [1, 2, 3],
    long: long(),
    map: new Map<unknown, unknown>([['k', { a: 1 }]]),
    set: new Set([1]),
  });
  const refusals: Record<string, [change: (state: any) => void, path: string]> = {
    'a function': [(s) => (s.o.a = () => 1), '$.o.a'],
    'a function as a key of a Map': [(s) => s.map.set(() => 1, 1), '$.map<Map>[1].key'],
    'a symbol': [(s) => s.short.push(Symbol('s')), '$.short[3]'],
    'a symbol as key': [(s) => (s.o[Symbol('s')] = 1), '$.o'],
    'a symbol as key that is not enumerable': [
      (s) => Object.defineProperty(s.o, Symbol('s'), { value: 1 }),
      '$.o',
    ],
    'a symbol as key of an array': [(s) => (s.short[Symbol('s')] = 1), '$.short'],
    'a symbol as key of a long array': [(s) => (s.long[Symbol('s')] = 1), '$.long'],
    'an accessor': [(s) => accessor(s.o, 'a'), '$.o.a'],
    'an accessor that gives what was there': [(s) => accessor(s.o, 'b') && accessor(s.o, 'a'), '$.o.a'],
    'a setter alone': [
      (s) => Object.defineProperty(s.o, 'a', { set() {}, enumerable: true, configurable: true }),
      '$.o.a',
    ],
    'an accessor in an array': [(s) => accessor(s.short, 1), '$.short[1]'],
    'an accessor in a long array': [(s) => accessor(s.long, 50), '$.long[50]'],
    'a property that is not enumerable': [(s) => Object.defineProperty(s.o, 'z', { value: 1 }), '$.o.z'],
    'a name on an array': [(s) => (s.short.name = 1), '$.short.name'],
    'a name on a long array': [(s) => (s.long.name = 1), '$.long.name'],
    'a number beyond the last index on an array': [
      (s) => (s.short['4294967295'] = 1),
      '$.short["4294967295"]',
    ],
    'a name on a Map': [(s) => (s.map.name = 1), '$.map.name'],
    'a name on a Set': [(s) => (s.set.name = 1), '$.set.name'],
    'a cycle': [(s) => (s.o.c = cycle), '$.o.c.again'],
    'a cycle through what is compared': [(s) => (s.o = s), '$.o.o.o'],
    'an unregistered class': [(s) => s.map.set('n', new Unknown()), '$.map<Map>[1].value'],
    'an unregistered class in the place of an object': [(s) => (s.o = new Unknown()), '$.o'],
    'an unregistered class in an entry': [
      (s) => s.map.set('k', { a: new Unknown() }),
      '$.map<Map>[0].value.a',
    ],
    'an unregistered class in a Set': [(s) => s.set.add(new Unknown()), '$.set<Set>[1]'],
    'a promise': [(s) => (s.o.a = Promise.resolve()), '$.o.a'],
    'a revoked proxy': [
      (s) => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        s.o = proxy;
      },
      '$.o',
    ],
    'what comes after a move': [
      (s) => {
        s.short.push(s.short.shift(), () => 1);
      },
      '$.short[3]',
    ],
  };
  test.each(Object.entries(refusals))('%s', (_, [change, path]) => {
    const state = codec.clone(base.value);
    change(state);
    let error: any;
    try {
      diff(codec, base, state, { key: 'user:1' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'DGENTS_STATE_SERIALIZATION', path, key: 'user:1' });
  });

  test('a state too deep for the stack to compare is stored whole', () => {
    const deep = new Codec({ maxDepth: 2000 });
    let state: unknown = 1;
    for (let level = 0; level < 1990; level += 1) state = { a: state };
    const first = deep.copy(state);
    const from = { value: first.value, traits: first.traits, bytes: JSON.stringify(state).length };
    const next = deep.copy(JSON.parse(JSON.stringify(state).replace('1', '2')));
    const onLittleStack = (levels: number, run: () => unknown): unknown =>
      levels === 0 ? run() : onLittleStack(levels - 1, run);
    let wholes = 0;
    for (let levels = 0; levels < 8000; levels += 500) {
      for (const options of [{}, { owned: next.traits }]) {
        try {
          const change = onLittleStack(levels, () => diff(deep, from, next.value, options)) as ReturnType<
            typeof diff
          >;
          expect(deep.equal(change.next, next.value)).toBe(true);
          expect(change.bytes).toBe(from.bytes);
          if (change.ops === null) wholes += 1;
        } catch (error) {
          // So little is left that not even a copy fits: said in so many words, or nothing could run here at all.
          expect(String(error)).toMatch(/deep|call stack/);
        }
      }
    }
    expect(wholes).toBeGreaterThan(0);
  });

  test('a state as deep as allowed is compared, a deeper one refused', () => {
    for (const maxDepth of [1000, 2000]) {
      const deep = new Codec({ maxDepth });
      const nested = (levels: number, inner: unknown) => {
        let state = inner;
        for (let level = 0; level < levels; level += 1) state = level % 20 === 0 ? [state] : { a: state };
        return state;
      };
      const first = deep.copy(nested(maxDepth, 1));
      const bytes = Buffer.byteLength(JSON.stringify(first.value));
      const from = { value: first.value, traits: first.traits, bytes };
      expect(diff(deep, from, nested(maxDepth, 2), {}).bytes).toBe(bytes);
      expect(diff(deep, from, nested(maxDepth, 2), { owned: 0 }).bytes).toBe(bytes);
      expect(() => diff(deep, from, nested(maxDepth, [1]), {})).toThrow(/deep/);
    }
  });
});

test('a hole in a new array stays a hole, also where nothing else in the state needs a tag', () => {
  const plain = held({ list: [1, 2, 3], other: 1 });
  const list = [1, 2, 3];
  delete list[1];
  const { next, traits } = diff(codec, plain, { list, other: 1 }, {});
  expect(codec.encode(next)).toEqual(codec.encode(codec.copy({ list, other: 1 }).value));
  expect(traits).toBe(codec.copy({ list }).traits);
});

test('a key that names an index is added and removed in place', () => {
  const plain = held({ 1: 'a', x: 'x'.repeat(200), y: 2 });
  expect(diff(codec, plain, { 1: 'a', 5: 'b', x: 'x'.repeat(200), y: 2 }, {}).ops).toEqual([
    { op: 'add', path: '/5', value: 'b' },
  ]);
  expect(diff(codec, plain, { x: 'x'.repeat(200), y: 2 }, {}).ops).toEqual([{ op: 'remove', path: '/1' }]);
});
