import fc from 'fast-check';
import { byCodePoint } from './code-point-order.js';
import { bytesOfKey, keyOfBytes } from './key-bytes.js';

/** Any units of UTF-16, in any order; those at the borders more often. */
const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.constantFrom(0, 0x61, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff),
);
const key = fc.array(unit, { maxLength: 6 }).map((units) => String.fromCharCode(...units));
/** Two that often have a beginning in common. */
const pair = fc
  .tuple(fc.oneof(key, fc.constant('')), key, key)
  .map(([stem, a, b]) => [stem + a, stem + b] as const);

const RUNS = { numRuns: 5_000 };

test('a key comes back from its bytes', () => {
  fc.assert(
    fc.property(key, (one) => expect(keyOfBytes(bytesOfKey(one))).toBe(one)),
    RUNS,
  );
});

test('every unit has two bytes, which come back', () => {
  for (let unit = 0; unit <= 0xffff; unit++) {
    const one = String.fromCharCode(unit);
    const bytes = bytesOfKey(one);
    if (bytes.length !== 2 || keyOfBytes(bytes) !== one) throw new Error(`U+${unit.toString(16)} does not`);
  }
});

test('different keys have different bytes, in the order of their code points', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      expect(Buffer.compare(bytesOfKey(a), bytesOfKey(b))).toBe(Math.sign(byCodePoint(a, b)));
      expect(bytesOfKey(a).equals(bytesOfKey(b))).toBe(a === b);
    }),
    RUNS,
  );
});

test('the order of code points is that of UTF-8, for texts that have one', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 });
  fc.assert(
    fc.property(text, text, text, (stem, a, b) => {
      const expected = Buffer.compare(Buffer.from(stem + a), Buffer.from(stem + b));
      expect(Math.sign(byCodePoint(stem + a, stem + b))).toBe(expected);
    }),
    RUNS,
  );
});

test('a pair comes after all that is below it, though its units do not', () => {
  expect('\u{10000}' < '\uffff').toBe(true);
  expect(byCodePoint('\u{10000}', '\uffff')).toBeGreaterThan(0);
  expect(Buffer.compare(bytesOfKey('\u{10000}'), bytesOfKey('\uffff'))).toBe(1);
});

test('the bytes of a prefix begin those of the whole, and of nothing else', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const [prefix, whole] = [bytesOfKey(a), bytesOfKey(b)];
      expect(prefix.equals(whole.subarray(0, prefix.length))).toBe(b.startsWith(a));
    }),
    RUNS,
  );
});

test('halves of surrogate pairs differ from each other, and from the sign for what cannot be read', () => {
  const halves = ['\ud800', '\udbff', '\udc00', '\udfff', '\ufffd', '\ud800\udc00', '\udc00\ud800'];
  expect(new Set(halves.map((half) => bytesOfKey(half).toString('hex'))).size).toBe(halves.length);
});

test('the bytes that a key is made of are left as they are', () => {
  const bytes = bytesOfKey('a\ud83d\ude00');
  const before = Buffer.from(bytes);
  keyOfBytes(bytes);
  expect(bytes).toEqual(before);
  expect(keyOfBytes(new Uint8Array(before))).toBe('a\ud83d\ude00');
});
