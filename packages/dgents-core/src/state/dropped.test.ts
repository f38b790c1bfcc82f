import { jest } from '@jest/globals';
import { droppedIn } from './dropped.js';

test('bytes are one value: nobody makes a list of them', () => {
  const entries = jest.spyOn(Object, 'entries');
  try {
    const given = { data: new Uint8Array(100_000), text: 'a' };
    expect(droppedIn(given, { data: given.data.slice(), text: 'A', added: 1 })).toBeUndefined();
    expect(droppedIn({ ...given, more: 1 }, given)).toEqual(['more']);
    expect(entries.mock.calls.some(([listed]) => ArrayBuffer.isView(listed))).toBe(false);
  } finally {
    entries.mockRestore();
  }
});

test('what a schema leaves out under, or of, a key that is an object is found', () => {
  const given = new Map<unknown, unknown>([
    ['text', { a: 1 }],
    [
      { id: 1, more: 2 },
      { a: 1, b: 2 },
    ],
  ]);
  const made = (key: object, value: object): Map<unknown, unknown> =>
    new Map<unknown, unknown>([
      ['text', { a: 1 }],
      [key, value],
    ]);
  expect(droppedIn(given, made({ id: 1, more: 2 }, { a: 1, b: 2, c: 3 }))).toBeUndefined();
  expect(droppedIn(given, made({ id: 1 }, { a: 1, b: 2 }))).toEqual([1, 'key', 'more']);
  expect(droppedIn(given, made({ id: 1, more: 2 }, { a: 1 }))).toEqual([1, 'value', 'b']);
});
