import fc from 'fast-check';
import { all, PLACES } from '../test/places.js';
import { InvalidKeyError } from './errors.js';
import { checkKey, key } from './keys.js';
import { Store } from './store.js';

const limits = { keyBytes: 10, recordBytes: 1, recordsPerAppend: 1, appendsPerCommit: 1 };
const part = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.constantFrom('', ':', '%', '#', '#1', '$', '%3A', '1'),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const parts = fc.array(part, { minLength: 1, maxLength: 4 });
const same = (a: unknown, b: unknown) => a === b;

describe('key', () => {
  test('is made of its parts, and readable', () => {
    expect(key('user', '4')).toBe('user:4:');
    expect(key('user', 4)).toBe('user:#4:');
    expect(key('a:b', 'c%')).toBe('a%3Ab:c%25:');
    expect(key('')).toBe(':');
    expect([key('#4'), key('$x'), key('a', '$x')]).toEqual(['%234:', '%24x:', 'a:$x:']);
  });

  test('different parts give different keys', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const alike = a.length === b.length && a.every((one, i) => same(one, b[i]));
        expect(key(...a) === key(...b)).toBe(alike);
      }),
      { numRuns: 2000 },
    );
  });

  test('is a prefix of those that continue it, and of no neighbour', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(key(...a, ...b).startsWith(key(...a))).toBe(true);
        const continues = b.length >= a.length && a.every((one, i) => same(one, b[i]));
        expect(key(...b).startsWith(key(...a))).toBe(continues);
      }),
      { numRuns: 2000 },
    );
  });

  test('never belongs to dgents', () => {
    fc.assert(fc.property(parts, (a) => expect(key(...a).startsWith('$')).toBe(false)));
  });

  test('refuses what cannot be a part', () => {
    expect(() => key()).toThrow(TypeError);
    for (const wrong of [undefined, null, true, {}, 1n]) expect(() => key(wrong as never)).toThrow(TypeError);
    for (const wrong of [Number.NaN, Infinity]) expect(() => key(wrong)).toThrow(RangeError);
    expect(key(-0)).toBe(key(0));
  });
});

describe('checkKey', () => {
  test('takes any text of up to so many bytes', () => {
    for (const good of ['a', ' ', '../x', 'a/b', '\0', 'é'.repeat(5), 'a$', '__proto__'])
      checkKey(good, limits);
  });

  test('refuses what is empty, too long or belongs to dgents', () => {
    for (const bad of ['', '$', '$lease', 'é'.repeat(6), 'x'.repeat(11)]) {
      expect(() => checkKey(bad, limits)).toThrow(InvalidKeyError);
    }
    expect(() => checkKey(5 as never, limits)).toThrow(TypeError);
    try {
      checkKey('x'.repeat(5000), limits);
    } catch (error) {
      expect((error as InvalidKeyError).key!.length).toBeLessThan(80);
    }
  });
});

describe.each(PLACES)('hostile keys in %s', (_, open) => {
  test('are kept apart, listed exactly, and leave nothing outside', async () => {
    const place = open();
    const store = new Store(place.backend());
    const hostile = [
      '../x',
      '../../etc/passwd',
      'a/b',
      'a_b',
      'a\\b',
      '.',
      '..',
      'NUL',
      'con',
      'a\0b',
      'A',
      'a',
      'é',
      'e\u0301',
      '%',
      '_',
      "o'x",
      '"',
      '__proto__',
      'constructor',
      'toString',
      'x'.repeat(300),
      ' ',
      '\n',
      '\u{1F600}',
      '\uFFFF',
      'a ',
      'a.',
      '-rf',
      '*',
      '~',
    ];
    for (const [index, name] of hostile.entries()) await store.agent<number>(name).save(index);
    for (const [index, name] of hostile.entries()) {
      expect([name, await store.agent<number>(name).load()]).toEqual([name, index]);
      expect((await store.agent<number>(name).read()).version).toBe(1);
    }
    const listed = (await all(store.keys())).map((one) => one.key);
    expect(new Set(listed)).toEqual(new Set(hostile));
    expect(listed).toHaveLength(hostile.length);
    for (const prefix of ['a', '%', '_', '..', "o'", 'x'.repeat(299)]) {
      const found = (await all(store.keys(prefix))).map((one) => one.key);
      expect([...found].sort()).toEqual(hostile.filter((name) => name.startsWith(prefix)).sort());
    }
    await store.close();
    place.destroy();
  });
});
