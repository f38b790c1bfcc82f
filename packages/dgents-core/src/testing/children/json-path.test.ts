import { jsonPathOf } from './json-path.js';

test('what JSON keeps as it is survives', () => {
  for (const place of [
    '/tmp/x',
    7,
    true,
    null,
    ['a', { b: [1] }],
    { url: 'redis://x', number: 3 },
    Object.create(null),
  ]) {
    expect(jsonPathOf(place)).toBeUndefined();
  }
});

test('what JSON would drop or change is named', () => {
  const places: [unknown, string][] = [
    [undefined, 'the place'],
    [{ a: { b: undefined } }, 'the place.a.b'],
    [[1, () => 1], 'the place.1'],
    [{ time: new Date(0) }, 'the place.time'],
    [new Map(), 'the place'],
    [{ n: Number.NaN }, 'the place.n'],
    [{ n: -0 }, 'the place.n'],
    [{ n: 1n }, 'the place.n'],
    [new (class Pool {})(), 'the place'],
    [{ toJSON: () => 1 }, 'the place'],
  ];
  for (const [place, path] of places) expect(jsonPathOf(place)).toBe(path);
});
