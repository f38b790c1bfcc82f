import { added, checkStep, numberIn, stepsOf } from './increments.js';

test('a number is added to where the path leads, and a field that is missing counts as 0', () => {
  const state = { n: 1, deep: { list: [1, { x: 2.5 }] } } as Record<string, unknown>;
  expect(added(state, ['n'], 2)).toBe(3);
  expect(added(state, ['deep', 'list', 1, 'x'], -1)).toBe(1.5);
  expect(added(state, ['fresh'], 1)).toBe(1);
  expect(added(5, [], 1)).toBe(6);
  expect(state).toEqual({ n: 3, fresh: 1, deep: { list: [1, { x: 1.5 }] } });
});

test.each<[unknown, (string | number)[], RegExp]>([
  [{ n: '1' }, ['n'], /is string, not a number/],
  [{ n: null }, ['n'], /is null, not a number/],
  [{}, ['a', 'b'], /no plain object and no array/],
  [{ a: [1] }, ['a', 1], /of a list of 1/],
  [{ a: [1] }, ['a', 'length'], /of a list of 1/],
  [new Map([['n', 1]]), ['n'], /no plain object and no array/],
  [{ bytes: Uint8Array.of(255) }, ['bytes', 0], /no plain object and no array/],
  [{ r: /x/g }, ['r', 'lastIndex'], /no plain object and no array/],
  [undefined, [], /is undefined, not a number/],
])('%j at %j is a TypeError that says what is there', (state, path, said) => {
  expect(() => added(state, path, 1)).toThrow(TypeError);
  expect(() => added(state, path, 1)).toThrow(said);
});

test('what is inherited is not reached, and prototypes stay as they are', () => {
  expect(() => added({}, ['constructor', 'prototype', 'x'], 1)).toThrow(TypeError);
  expect(() => added({}, ['__proto__', 'x'], 1)).toThrow(TypeError);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});

test('a sum that is no finite number is a RangeError; a step that is none a TypeError', () => {
  expect(() => added({ n: 1.7e308 }, ['n'], 1.7e308)).toThrow(RangeError);
  expect(() => added({ n: 2 ** 53 }, ['n'], 1)).toThrow(RangeError);
  expect(added({ n: 2 ** 53 }, ['n'], 0)).toBe(2 ** 53);
  for (const by of [Number.NaN, Number.POSITIVE_INFINITY, '1', null])
    expect(() => checkStep(by)).toThrow(TypeError);
});

test('a path is a name, or names and indexes', () => {
  expect(stepsOf('n')).toEqual(['n']);
  for (const path of [undefined, 1, [1.5], [-1], [null], {}, '__proto__', ['a', '__proto__']])
    expect(() => stepsOf(path)).toThrow(TypeError);
});

test('the number to which a path leads is read', () => {
  expect(numberIn({ a: [{ n: 3 }] }, ['a', 0, 'n'])).toBe(3);
  expect(numberIn(5, [])).toBe(5);
  expect(() => numberIn({ n: 'x' }, ['n'])).toThrow(TypeError);
});
