import fc from 'fast-check';
import { checkpointAt, recordAt } from '../../test/array-log.js';
import type { LogRecord } from '../backend.js';
import { StateCorruptionError } from '../errors.js';
import { sealed, sealedRecord, unsealed } from './texts.js';

const RECORD: LogRecord = {
  ...recordAt(7),
  data: '{"text":"ünïcödé 😀 \\" \\\\ \\u2028"}',
  codec: 'gzip',
  schema: 3,
  meta: { by: 'böb' },
};

test('what was sealed comes back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (value) => {
      expect(unsealed(sealed(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('halves of surrogate pairs come back, also over UTF-8', () => {
  const value = { id: '\ud800', '\udfff': '\udc00\ud800' };
  expect(unsealed(Buffer.from(sealed(value)).toString())).toEqual(value);
});

test('a seal is one line', () => {
  expect(sealed({ text: 'a\nb\r' })).toMatch(/^[0-9a-f]{8}\{.*\}$/);
});

test('the seal is the CRC-32 in eight digits, also where it begins with zeros', () => {
  expect(sealed({})).toBe('a3a6bf43{}');
  expect(sealed({ n: 90 })).toBe('001b95fc{"n":90}');
});

test('every bit that has flipped is noticed', () => {
  const bytes = Buffer.from(sealedRecord(RECORD));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => unsealed(flipped.toString())).toThrow(StateCorruptionError);
  }
});

test('a text that was cut short is noticed, wherever it was cut', () => {
  const text = sealedRecord(RECORD);
  for (let length = 0; length < text.length; length++) {
    expect(() => unsealed(text.slice(0, length))).toThrow(StateCorruptionError);
  }
});

test('damage names the key and the place, if they are known', () => {
  const where = { key: 'user "42"', location: '/data' };
  expect(() => unsealed('00000000{}', where)).toThrow(expect.objectContaining(where));
  expect(() => unsealed('00000000{}', where)).toThrow('What is stored of "user \\"42\\"" does not match');
  expect(() => unsealed('00000000{}')).toThrow('A stored text does not match its checksum.');
});

test('a record comes back with all that it has, and without what it has not', () => {
  expect(unsealed(sealedRecord(RECORD))).toStrictEqual(RECORD);
  expect(unsealed(sealedRecord(recordAt(1)))).toStrictEqual(recordAt(1));
});

test('a checkpoint comes back without a kind, a deleted one with null', () => {
  const deleted = { ...checkpointAt(3), data: null };
  expect(unsealed(sealedRecord(checkpointAt(3)))).toStrictEqual(checkpointAt(3));
  expect(unsealed(sealedRecord(deleted))).toStrictEqual(deleted);
});

test('the text of a record is asked for once, and its document is not kept', () => {
  let asked = 0;
  const lazy: LogRecord = {
    ...recordAt(1),
    document: { secret: 1 },
    get data() {
      asked++;
      return '"text"';
    },
  };
  expect(unsealed(sealedRecord(lazy))).toStrictEqual({ ...recordAt(1), data: '"text"' });
  expect(asked).toBe(1);
});

test('what the getter of a text throws is thrown', () => {
  const failing: LogRecord = {
    ...recordAt(1),
    get data(): string {
      throw new TypeError('on purpose');
    },
  };
  expect(() => sealedRecord(failing)).toThrow(new TypeError('on purpose'));
});
