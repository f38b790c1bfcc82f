/** The models as answers: rows for programs, and the same rows as a table for people. */
import type { Options } from './cli.js';
import { shown } from './git/text.js';
import type { Authors } from './models/authors.js';
import type { Files } from './models/files.js';
import { HALF_LIFE_DAYS, type HotSpots, hottest } from './models/hotspots.js';
import type { Moment } from './past.js';
import { day, table } from './text.js';

/** The same answer twice: as JSON, and as lines. */
export interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

type Wanted = Pick<Options, 'limit' | 'emails'>;

export function authorsAnswer(authors: Authors, { limit, emails }: Wanted): Answer {
  const rows = [...authors]
    .map(([name, { emails: addresses, ...rest }]) => ({
      name,
      ...rest,
      ...(emails && { emails: addresses }),
    }))
    .sort((a, b) => b.commits + b.merges - a.commits - a.merges || byText(a.name, b.name))
    .slice(0, limit);
  const heading = ['commits', 'merges', '+', '-', 'first', 'last', 'author'];
  const cells = rows.map((row) => [
    row.commits,
    row.merges,
    row.added,
    row.removed,
    day(row.first),
    day(row.last),
    [shown(row.name), ...(row.emails ?? []).map((address) => `<${shown(address)}>`)].join(' '),
  ]);
  return {
    json: { authors: rows, of: authors.size },
    lines: titled(table(heading, cells), rows.length, authors.size),
  };
}

export function filesAnswer(files: Files, { limit }: Wanted): Answer {
  const rows = [...files]
    .map(([path, file]) => ({ path, ...file }))
    .sort((a, b) => b.added + b.removed - a.added - a.removed || byText(a.path, b.path))
    .slice(0, limit);
  const heading = ['commits', '+', '-', 'first', 'last', 'file'];
  const cells = rows.map((row) => [
    row.commits,
    row.added,
    row.removed,
    day(row.first),
    day(row.last),
    [
      shown(row.path),
      ...(row.deleted ? ['(deleted)'] : []),
      ...(row.formerly.length > 0 ? [`(was ${row.formerly.map(shown).join(', ')})`] : []),
    ].join(' '),
  ]);
  return {
    json: { files: rows, of: files.size },
    lines: titled(table(heading, cells), rows.length, files.size),
  };
}

export function hotspotsAnswer(spots: HotSpots, { limit }: Wanted, moment?: Moment): Answer {
  const rows = hottest(spots, limit);
  const cells = rows.map(({ heat, commits, authors, path }) => [
    heat.toFixed(1),
    commits,
    authors,
    shown(path),
  ]);
  const lines = titled(table(['heat', 'commits', 'authors', 'file'], cells), rows.length, spots.files.size);
  const json = { halfLifeDays: HALF_LIFE_DAYS, hotspots: rows, of: spots.files.size };
  if (moment === undefined) return { json, lines };
  const { version, event } = moment;
  const at = `Version ${version}: ${event.hash.slice(0, 12)} of ${event.committedAt}, ${shown(event.author.name)}: ${shown(event.subject)}`;
  const { hash, committedAt, subject } = event;
  return {
    json: { version, hash, committedAt, author: event.author.name, subject, ...json },
    lines: [at, '', ...lines],
  };
}

function titled(lines: string[], rows: number, of: number): string[] {
  return rows < of ? [...lines, `… ${rows} of ${of}; --limit shows more`] : lines;
}

/** By code units: the same order on every machine. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
