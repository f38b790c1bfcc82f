/** Numbers and columns as people read them. */

export const count = (n: number): string => n.toLocaleString('en');

/** `1 commit`, `2 commits`. */
export const plural = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? '' : 's'}`;

/** The day of an ISO time. */
export const day = (iso: string): string => iso.slice(0, iso.indexOf('T'));

/** Lines of a table: a heading, then its rows; numbers to the right. */
export function table(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = [
    heading,
    ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? count(cell) : cell))),
  ];
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const numeric = heading.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  return cells.map((row) =>
    row
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
