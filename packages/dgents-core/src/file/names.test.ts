import fc from 'fast-check';
import { fileNameOf, keyOf } from './names.js';

const HOSTILE = [
  '../x',
  'a/b',
  'a_b',
  'a\\b',
  '.',
  '..',
  'x.',
  'a.b',
  '-',
  '~',
  'con',
  'CON',
  'nul.txt',
  'com1',
  'lpt9.x',
  'console',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff',
  '\udc00\ud800',
  '\ud83d',
  '😀',
  'é',
  'e\u0301',
  'ß',
  'ẞ',
  'ſ',
  's',
  'K',
  'K',
  'k',
  'x'.repeat(180),
  'x'.repeat(181),
  'x'.repeat(300),
  `${'x'.repeat(299)}y`,
  'é'.repeat(512),
  '%',
  '%41',
  'A',
  'a',
  '+',
  ' ',
  ' a',
  `a+${'0'.repeat(40)}`,
  '__proto__',
  'a:b',
  'a*b',
  'a?',
  '"',
  '<|>',
  '\n',
  '\ufeff',
  '퟿',
  '\ue000',
];

test('names are distinct, also where case, accents and compatibility do not count, and lead nowhere else', () => {
  const folded = HOSTILE.map((key) => fileNameOf(key, '.jsonl').normalize('NFKC').toLowerCase());
  expect(new Set(folded).size).toBe(new Set(HOSTILE).size);
  for (const key of HOSTILE) {
    const name = fileNameOf(key, '.jsonl');
    expect(name).toMatch(/^[a-z0-9_%+-][a-z0-9_.%+-]*\.jsonl$/);
    expect(name.length).toBeLessThanOrEqual(200);
    expect(name).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)\./);
  }
});

test('simple keys stay readable', () => {
  expect(fileNameOf('alice', '.jsonl')).toBe('alice.jsonl');
  expect(fileNameOf('user:42', '.jsonl')).toBe('user%3a42.jsonl');
  expect(fileNameOf('notes.v2_a-b', '.jsonl')).toBe('notes.v2_a-b.jsonl');
});

test('a name tells its key, or that the file must', () => {
  for (const key of HOSTILE) {
    const named = keyOf(fileNameOf(key, '.jsonl'), '.jsonl');
    if (named !== undefined && 'hashed' in named) expect(key.length).toBeGreaterThan(100);
    else expect(named).toEqual({ key });
  }
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
      fc.string({ unit: 'binary', minLength: 1 }),
      (a, b) => {
        expect(keyOf(fileNameOf(a, '.jsonl'), '.jsonl')).toEqual({ key: a });
        if (a !== b) expect(fileNameOf(a, '.jsonl')).not.toBe(fileNameOf(b, '.jsonl'));
      },
    ),
  );
});

test('names that are not ours stand for nothing', () => {
  for (const name of [
    'README.md',
    'Alice.jsonl',
    '.jsonl',
    '.x.jsonl',
    'a%4.jsonl',
    'a%61.jsonl',
    '%zz.jsonl',
    'con.jsonl',
    'a.jsonl.draft-0123456789ab',
  ]) {
    expect([name, keyOf(name, '.jsonl')]).toEqual([name, undefined]);
  }
});
