import fc from 'fast-check';
import { changedRegion, counterparts, longestIncreasing, NONE } from './align.js';

const deep = { trusted: true, same: (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b) };
const lists = fc.array(
  fc.nat(12).map((id) => ({ id, text: id % 3 })),
  { maxLength: 40 },
);

describe('the region that changed', () => {
  test('leaves only what lies between the common beginning and the common end', () => {
    expect(changedRegion([1, 2, 3, 4], [1, 9, 4], deep)).toMatchObject({ start: 1, fromEnd: 3, toEnd: 2 });
    expect(changedRegion([1, 2], [1, 2, 3], deep)).toMatchObject({ start: 2, fromEnd: 2, toEnd: 3 });
    expect(changedRegion([1, 1], [1, 1, 1], deep)).toMatchObject({ start: 2, fromEnd: 2, toEnd: 3 });
    expect(changedRegion([1, 2], [1, 3], deep)).toMatchObject({ start: 1, fromEnd: 2, toEnd: 2 });
  });

  test('takes 0 and -0 for different', () => {
    const identity = { trusted: false, same: Object.is };
    expect(changedRegion([0, 1], [-0, 1], identity)).toMatchObject({ start: 0, toEnd: 1 });
    expect(changedRegion([Number.NaN], [Number.NaN], identity)).toMatchObject({ start: 1, toEnd: 1 });
  });
});

describe('counterparts', () => {
  test('are equal, and each element is the counterpart of one other at most', () => {
    fc.assert(
      fc.property(lists, lists, (from, to) => {
        const region = changedRegion(from, to, deep);
        const found = counterparts(region, deep);
        const known = [...found].filter((origin) => origin !== NONE);
        expect(new Set(known).size).toBe(known.length);
        found.forEach((origin, at) => {
          if (origin !== NONE) expect(from[origin]).toEqual(to[region.start + at]);
          expect(origin === NONE || (origin >= region.start && origin < region.fromEnd)).toBe(true);
        });
      }),
    );
  });

  test('of a window that slid are found without hashing: every element is compared about once', () => {
    let compared = 0;
    const same = (a: unknown, b: unknown) => {
      compared += 1;
      return a === b;
    };
    const counting = { trusted: true, same };
    const from = Array.from({ length: 1000 }, (_, id) => id);
    const to = [...from.slice(3), 1000, 1001, 1002];
    const found = counterparts(changedRegion(from, to, counting), counting);
    expect([...found.slice(0, 997)]).toEqual(from.slice(3));
    expect(compared).toBeLessThan(1100);
  });
});

test('a longest increasing run is increasing, and none is longer', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: -1, max: 30 }), { maxLength: 12 }), (numbers) => {
      const kept = longestIncreasing(Int32Array.from(numbers));
      const run = numbers.filter((_, at) => kept[at] === 1);
      expect(run).toEqual([...run].sort((a, b) => a - b));
      expect(run).not.toContain(NONE);
      const lengths: number[] = [];
      numbers.forEach((number, at) => {
        const before = numbers
          .slice(0, at)
          .map((other, i) => (other < number && other !== NONE ? lengths[i]! : 0));
        lengths[at] = number === NONE ? 0 : 1 + Math.max(0, ...before);
      });
      expect(run.length).toBe(Math.max(0, ...lengths));
    }),
  );
});
