/** A curve over the years, in a terminal, out of block characters. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface ChartOptions {
  /** Columns and rows of the area itself, without axes and labels. */
  readonly columns?: number;
  readonly rows?: number;
  /** Places on the x axis that deserve a word. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
  /** Colours a piece of the area that lies at x; leaves it as it is unless told. */
  readonly paint?: (text: string, x: number) => string;
}

const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LABEL_WIDTH = 8;

/**
 * Draws points, sorted by x, as a filled curve.
 *
 *      10,000 ┤    ▂▅▇█     a label says what the top edge of its row stands for
 *       5,000 ┤ ▁▅█████
 *           0 ┴─┬─────┬─
 *            1790   1795
 */
export function chart(points: readonly Point[], options: ChartOptions = {}): string[] {
  const { columns = 66, rows = 10, marks = [], paint = (text) => text } = options;
  const first = points[0]?.x ?? 0;
  const last = Math.max(points.at(-1)?.x ?? 1, first + 1);
  const { step, top } = scale(Math.max(1, ...points.map(({ y }) => y)));
  const xOf = (column: number) => first + ((last - first) * (column + 1)) / columns;
  const columnOf = (x: number) =>
    Math.min(columns - 1, Math.max(0, Math.round(((x - first) / (last - first)) * columns) - 1));

  // In eighths of a row, for each column: the newest point that is not beyond it.
  const heights = Array.from({ length: columns }, (_, column) => {
    const y = points.findLast(({ x }) => x <= xOf(column))?.y ?? 0;
    return Math.round((y / top) * rows * 8);
  });
  const area = Array.from({ length: rows }, (_, fromTop) => {
    const below = (rows - 1 - fromTop) * 8;
    const cells = heights.map((height) => BLOCKS[Math.min(8, Math.max(0, height - below))] as string);
    return `${rowLabel(rows - fromTop, rows, top, step)}${painted(cells, (column) => xOf(column), paint)}`;
  });
  return [...area, ...axis(first, last, columns, columnOf), ...markRows(marks, columnOf, columns)];
}

/** A round step, such that four or five of them reach the highest value. */
function scale(highest: number): { step: number; top: number } {
  const rough = highest / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  return { step, top: step * Math.ceil(highest / step) };
}

/** Labels the row whose top edge is nearest to a step. */
function rowLabel(edge: number, rows: number, top: number, step: number): string {
  const rowsPerStep = (rows * step) / top;
  const nearest = Math.round(edge / rowsPerStep);
  const labelled = Math.round(nearest * rowsPerStep) === edge;
  const label = labelled ? Math.round(nearest * step).toLocaleString('en') : '';
  return `${label.padStart(LABEL_WIDTH)} ${labelled ? '┤' : '│'}`;
}

/** Neighbours that are painted alike could share their colour codes; one code per cell would be 700 of them. */
function painted(
  cells: readonly string[],
  xOf: (column: number) => number,
  paint: (text: string, x: number) => string,
) {
  const pieces: { text: string; x: number }[] = [];
  for (const [column, text] of cells.entries()) {
    const piece = pieces.at(-1);
    const x = xOf(column);
    if (piece !== undefined && paint('', piece.x) === paint('', x)) piece.text += text;
    else pieces.push({ text, x });
  }
  return pieces.map(({ text, x }) => paint(text, x)).join('');
}

function axis(first: number, last: number, columns: number, columnOf: (x: number) => number): string[] {
  const years = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500].find((step) => (last - first) / step <= 7) ?? 1000;
  const line = Array.from({ length: columns }, () => '─');
  const labels = Array.from({ length: columns + 4 }, () => ' ');
  for (let x = Math.ceil(first / years) * years; x <= last; x += years) {
    const column = columnOf(x);
    line[column] = '┬';
    const label = String(x);
    const start = Math.max(0, column - Math.floor(label.length / 2));
    for (const [i, character] of [...label].entries()) labels[start + i] = character;
  }
  const margin = ' '.repeat(LABEL_WIDTH + 2);
  return [`${'0'.padStart(LABEL_WIDTH)} ┴${line.join('')}`, `${margin}${labels.join('')}`.trimEnd()];
}

/** One row for each mark, so that none hides another. */
function markRows(
  marks: NonNullable<ChartOptions['marks']>,
  columnOf: (x: number) => number,
  columns: number,
): string[] {
  return marks.map(({ x, label }) => {
    const column = columnOf(x);
    const margin = ' '.repeat(LABEL_WIDTH + 2);
    const fits = column + label.length + 2 <= columns;
    return margin + (fits ? `${' '.repeat(column)}↑ ${label}` : `${label} ↑`.padStart(column + 1));
  });
}
