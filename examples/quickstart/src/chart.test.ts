import { chart } from './chart.js';

const growth = Array.from({ length: 232 }, (_, i) => ({ x: 1790 + i, y: (i + 1) * 100 }));

test('a chart fits into 80 columns, axes and labels included', () => {
  const lines = chart(growth, { marks: [{ x: 1865, label: 'here' }] });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('the top label is a round number that no point exceeds', () => {
  const [top = ''] = chart(growth);
  expect(top).toMatch(/^ +25,000 ┤/);
});

test('higher points make higher columns', () => {
  const area = chart(growth, { columns: 20, rows: 5 }).slice(0, 5);
  const heights = Array.from(
    { length: 20 },
    (_, column) => area.filter((row) => row[10 + column] !== ' ').length,
  );
  expect(heights).toEqual([...heights].sort((a, b) => a - b));
  expect(heights.at(-1)).toBe(5);
});

test('the x axis names round years', () => {
  const labels = chart(growth).at(-1) ?? '';
  expect(labels.trim().split(/ +/)).toEqual(['1800', '1850', '1900', '1950', '2000']);
});

test('a mark points at its place, with its words on the side that has room', () => {
  const lines = chart(growth, {
    columns: 60,
    marks: [
      { x: 1800, label: 'early' },
      { x: 2021, label: 'late' },
    ],
  });
  const [early = '', late = ''] = lines.slice(-2);
  expect(early).toMatch(/^ +↑ early$/);
  expect(late).toMatch(/^ +late ↑$/);
  expect(late.length).toBe(70);
});

test('neighbours of one colour share one colour code', () => {
  const lines = chart(growth, {
    rows: 2,
    paint: (text, x) => (x < 1900 ? `<a>${text}</a>` : `<b>${text}</b>`),
  });
  expect(lines[1]?.match(/<a>/g)).toHaveLength(1);
  expect(lines[1]?.match(/<b>/g)).toHaveLength(1);
});

test('a single point makes a chart, too', () => {
  expect(chart([{ x: 1790, y: 0 }]).length).toBeGreaterThan(10);
});
