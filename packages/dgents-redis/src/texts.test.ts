import fc from 'fast-check';
import {
  earlierHead,
  headOfLine,
  lineOfHead,
  lineOfPoint,
  lineOfRecord,
  pointOfLine,
  recordOfLine,
} from './lines.js';
import { Names } from './names.js';
import { slotOf, tagOfSlot } from './slots.js';
import { idOfText, keyOfText, patternOf, textOfId, textOfKey, textOfPrefix } from './texts.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.string({ unit: fc.constantFrom('{', '}', '%', 'a', ' ', '\n', '\ud800', '\udc00', '*', '\\') }),
);
const where = { key: 'k', location: 'here' };

test('keys and ids come back as they were, also as UTF-8', () => {
  fc.assert(
    fc.property(text, (given) => {
      const asStored = (each: string) => Buffer.from(each).toString();
      expect(keyOfText(asStored(textOfKey(given)))).toBe(given);
      expect(idOfText(asStored(textOfId(given)))).toBe(given);
      expect(textOfId(given)).toMatch(/^\S+$/);
      expect(textOfKey(given)).not.toMatch(/[{}]/);
    }),
  );
});

test('the text of a key begins with that of its prefix', () => {
  fc.assert(
    fc.property(text, text, (a, b) => expect(textOfKey(a + b).startsWith(textOfPrefix(a))).toBe(true)),
  );
});

test('what means something in a pattern stands for itself', () => {
  expect(patternOf('a*b?[c]\\^-')).toBe('a\\*b\\?\\[c\\]\\\\\\^\\-');
});

test('records, points and heads come back as they were', () => {
  const meta = fc.dictionary(fc.string(), fc.string()).filter((each) => !Object.hasOwn(each, '__proto__'));
  const record = fc.record(
    {
      version: fc.integer({ min: 1 }),
      kind: fc.constantFrom('set' as const, 'patch' as const, 'event' as const, 'tombstone' as const),
      id: text,
      at: fc.double({ min: 0, max: 1e15, noNaN: true }).map((at) => at + 0),
      data: fc.oneof(fc.json(), fc.constantFrom('"\u001e"', 'a\nb')),
      codec: fc.string(),
      schema: fc.integer({ min: 1 }),
      meta,
    },
    { requiredKeys: ['version', 'kind', 'id', 'at', 'data'] },
  );
  fc.assert(
    fc.property(record, (given) => {
      expect(recordOfLine(Buffer.from(lineOfRecord(given as never)), where)).toEqual(given);
      const { kind, ...point } = given;
      expect(pointOfLine(Buffer.from(lineOfPoint(point as never)), where)).toEqual(point);
      const head = { version: given.version, id: given.id, at: given.at, deleted: kind === 'tombstone' };
      expect(headOfLine(lineOfHead(given as never), where)).toEqual(head);
      expect(earlierHead(lineOfRecord(given as never).split('\n')[0] as string, where)).toEqual(head);
    }),
  );
});

test('a line of which a bit has changed is told, with its key', () => {
  const line = lineOfRecord({ version: 7, kind: 'set', id: 'a', at: 1, data: '"state"' });
  for (let i = 0; i < line.length; i++) {
    const changed = line.slice(0, i) + String.fromCharCode(line.charCodeAt(i) ^ 1) + line.slice(i + 1);
    expect(() => recordOfLine(Buffer.from(changed), where)).toThrow(/"k" is not as it was written/);
  }
});

test('slots are those of a Cluster, and each has a tag that lies in it', () => {
  // As CLUSTER KEYSLOT says.
  expect([slotOf('123456789'), slotOf('foo{bar}baz'), slotOf('foo{}{bar}')]).toEqual([12739, 5061, 8363]);
  for (const slot of [0, 1, 5061, 16_383]) {
    expect(slotOf(`dgents/feed{${tagOfSlot(slot)}}`)).toBe(slot);
  }
});

test('no name of one store is a name of another', () => {
  expect(new Names('a').log('b/log/c')).not.toBe(new Names('a:b').log('c'));
  expect(() => new Names('a/log')).toThrow(/^prefix is/);
  expect(slotOf(new Names('a', 'tag').log('x{y}'))).toBe(slotOf('tag'));
});
