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
