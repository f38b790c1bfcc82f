import fc from 'fast-check';
import {
  assertCompositionLaws,
  assertLensLaws,
  assertPrismLaws,
  assertTraversalLaws,
  each,
  lens,
  prism,
  values,
  variant,
  whole,
} from './index.js';

interface Order {
  lines: { sku: string; count: number }[];
  notes: Record<string, string>;
}

const orders = fc.record({
  lines: fc.array(fc.record({ sku: fc.string(), count: fc.integer() }), { minLength: 1, maxLength: 4 }),
  notes: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    fc.string(),
    { noNullPrototype: true },
  ),
});

test('our lenses keep the laws, by themselves and composed', () => {
  const lines = whole<Order>().focus('lines');
  const first = whole<Order['lines']>().focus(0);
  const count = whole<Order['lines'][number]>().focus('count');
  fc.assert(
    fc.property(
      fc.array(orders, { maxLength: 3 }),
      fc.array(fc.integer(), { maxLength: 3 }),
      (wholes, parts) => {
        assertLensLaws(whole<Order>(), { wholes, parts: wholes });
        assertLensLaws(lines.focus(0, 'count'), { wholes, parts });
        assertCompositionLaws([lines, first, count], { wholes, parts });
      },
    ),
  );
});

test('our prisms and traversals keep the laws', () => {
  type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number };
  const circle = variant<Shape>()('kind', 'circle');
  const wholes: Shape[] = [
    { kind: 'circle', radius: 1 },
    { kind: 'square', side: 2 },
  ];
  assertPrismLaws(circle, { wholes, parts: [{ kind: 'circle', radius: 3 }] });
  const even = prism<number, number>(
    (n) => (n % 2 === 0 ? { part: n / 2 } : undefined),
    (half) => half * 2,
  );
  assertPrismLaws(even.compose(even), { wholes: [0, 1, 2, 4], parts: [1, 2] });
  const counts = whole<Order>()
    .focus('lines')
    .asTraversal()
    .compose(each())
    .compose(whole<Order['lines'][number]>().focus('count').asTraversal());
  const notes = whole<Order>().focus('notes').asTraversal().compose(values());
  fc.assert(
    fc.property(fc.array(orders, { maxLength: 3 }), (samples) => {
      assertTraversalLaws(counts, samples, [(n) => n + 1, (n) => n * 2]);
      assertTraversalLaws(notes, samples, [(text) => `${text}!`, (text) => text.toUpperCase()]);
    }),
  );
  assertTraversalLaws(circle.asTraversal(), wholes, [(c) => ({ ...c, radius: c.radius + 1 }), (c) => c]);
});

test('the laws find what is unlawful', () => {
  const samples = { wholes: [{ n: 1 }], parts: [2, 3] };
  const get = (all: { n: number }) => all.n;
  const unlawful = {
    GetPut: lens(get, (all, n) => ({ ...all, n: n + 1 })),
    PutGet: lens(get, (all) => all),
    PutPut: lens(get, (all: { n: number; puts?: number }, n) =>
      n === all.n ? all : { n, puts: (all.puts ?? 0) + 1 },
    ),
    'left as it was': lens(get, (all, n) => {
      all.n = n;
      return all;
    }),
  };
  for (const [law, broken] of Object.entries(unlawful)) {
    expect(() => assertLensLaws(broken as typeof unlawful.GetPut, samples)).toThrow(law);
  }
  const lossy = prism<string, number>((text) => ({ part: Number(text) }), String);
  expect(() => assertPrismLaws(lossy, { wholes: ['01'], parts: [1] })).toThrow('BuildMatch');
});

test('a focus shares what is not on its path, and takes no gaps, inherited keys or odd indexes', () => {
  const order: Order = { lines: [{ sku: 'a', count: 1 }], notes: {} };
  const count = whole<Order>().focus('lines', 0, 'count');
  const next = count.set(order, 2);
  expect(next).toEqual({ lines: [{ sku: 'a', count: 2 }], notes: {} });
  expect(next.notes).toBe(order.notes);
  expect(order.lines[0]!.count).toBe(1);
  for (const index of [-1, 1.5, Number.NaN]) {
    expect(() => whole<Order>().focus('lines', index)).toThrow(RangeError);
  }
  expect(() => whole<Order>().focus('notes', '__proto__')).toThrow(TypeError);
  expect(() => whole<Order>().focus('notes', 'constructor').get(order)).toThrow(/nothing at \$\.notes/);
  expect(() => whole<Order>().focus('lines', 1).set(order, { sku: 'b', count: 1 })).toThrow(/nothing at/);
  expect(() => whole<{ at: Date }>().at(['at', 'x']).get({ at: new Date() })).toThrow(TypeError);
});
