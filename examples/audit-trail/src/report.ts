/** The models as answers: rows for programs, and the same rows as a table for people. */
import type { Versioned } from 'dgents-core';
import type { ProjectionStatus } from 'dgents-stream';
import type { Options } from './cli.js';
import { shown } from './git/text.js';
import type { History } from './history.js';
import type { Authors } from './models/authors.js';
import type { Files } from './models/files.js';
import { HALF_LIFE_DAYS, type HotSpots, hottest } from './models/hotspots.js';
import type { Moment } from './past.js';
import { day, plural, table } from './text.js';

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

export function statusAnswer(
  { state, version }: Pick<Versioned<History>, 'state' | 'version'>,
  projections: readonly ProjectionStatus[],
  missing: number | undefined,
): Answer {
  const { commits, merges, tips } = state;
  const rows = projections.map(({ id, position, lag }) => ({
    id,
    version: Number(position ?? 0),
    behind: lag.events,
    isMore: lag.isMore,
  }));
  const cells = rows.map(({ id, version: at, behind, isMore }) => [
    id,
    at,
    isMore ? `${behind} or more` : String(behind),
  ]);
  const repository =
    missing === undefined
      ? 'There is no repository here that these commits are of: --repo says where it is.'
      : missing === 0
        ? 'All of the repository is in it.'
        : `${plural(missing, 'commit')} not in it yet: audit-trail import.`;
  return {
    json: { version, commits, merges, tips, missing: missing ?? null, projections: rows },
    lines: [
      `Version ${version}: ${plural(commits, 'commit')}, ${plural(merges, 'merge')}. ${repository}`,
      '',
      ...table(['projection', 'version', 'behind'], cells),
    ],
  };
}

/** Says so where a model is not up to date. */
export function upTo({ json, lines }: Answer, at: number | undefined, version: number): Answer {
  const behind = version - (at ?? 0);
  const note = `… ${plural(behind, 'commit')} behind: audit-trail import goes on`;
  return { json: { version: at ?? 0, behind, ...json }, lines: behind > 0 ? [...lines, note] : lines };
}

function titled(lines: string[], rows: number, of: number): string[] {
  return rows < of ? [...lines, `… ${rows} of ${of}; --limit shows more`] : lines;
}

/** By code units: the same order on every machine. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
