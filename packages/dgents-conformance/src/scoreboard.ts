/** A summary for people: as plain text, and as markdown. */
import { type Paint, plain } from './painter.js';
import { type Failure, type Finding, isPartial, type Row, type Status, type Summary } from './summary.js';

/** How much of a reason is shown; all of it is in `--json`. */
const REASON_LINES = 16;

export function scoreboard(summary: Summary, paint: Paint = plain): string {
  const { subject, effort, seed, only, promises, failures, untested, claimed, notClaimed } = summary;
  const narrowed = only === undefined ? '' : `, only ${JSON.stringify(only)}`;
  const ended = summary.interrupted === true ? ', INTERRUPTED' : '';
  const width = Math.max(...promises.map(({ promise }) => promise.length));
  const sections = [
    `${subject}: effort ${effort}, seed ${seed}${narrowed}${ended}\n`,
    promises.map((row) => lineOf(row, width, paint)).join(''),
    section(
      'Failed',
      failures.map((failure) => `${findingLines(failure)}    repeat: ${failure.repeat}\n`),
    ),
    section('Not tested', byReason(untested)),
    section(
      'Waived',
      promises.flatMap(({ promise, reason }) => (reason ? [`  ${promise}: ${reason}\n`] : [])),
    ),
    `Claimed: ${listed(claimed)}\nNot claimed: ${listed(notClaimed)}\n`,
    `${paint(summary.ok ? 'good' : 'bad', verdictOf(summary))}\n`,
  ];
  return sections.filter((text) => text !== '').join('\n');
}

function lineOf({ promise, status, durationMs, ...row }: Row, width: number, paint: Paint): string {
  const tone = status === 'verified' ? 'good' : status === 'failed' ? 'bad' : 'dim';
  const columns = [
    promise.padEnd(width),
    paint(tone, shown(status).padEnd(11)),
    seconds(durationMs).padStart(8),
    countsOf(row),
  ];
  return `  ${columns.join('  ')}`.trimEnd().concat('\n');
}

/** One reason often stands for several facts. */
function byReason(findings: readonly Finding[]): string[] {
  const reasons = [...new Set(findings.map(({ reason }) => reason))];
  return reasons.map((reason) => {
    const facts = findings.filter((finding) => finding.reason === reason);
    return `  ${reason}\n${facts.map((finding) => `    ${titleOf(finding)}\n`).join('')}`;
  });
}

function findingLines(finding: Failure): string {
  const lines = finding.reason.trim().split('\n');
  const kept = lines.slice(0, REASON_LINES).map((line) => `    ${line}`.trimEnd());
  if (lines.length > kept.length) kept.push(`    … ${lines.length - kept.length} more lines: --json`);
  return `  ${titleOf(finding)}\n${[...kept, ...originLines(finding)].join('\n')}\n`;
}

function originLines({ causes = [], at }: Failure): string[] {
  const lines = causes.flatMap((cause) => `caused by: ${cause}`.trim().split('\n'));
  return [...lines, ...(at === undefined ? [] : [`at ${at}`])].map((line) => `    ${line}`.trimEnd());
}

export function markdown(summary: Summary): string {
  const { subject, effort, seed, promises, failures, claimed, notClaimed } = summary;
  const rows = promises.map((row) => {
    const status = row.status === 'failed' ? '**FAILED**' : row.status;
    const facts = row.reason === undefined ? countsOf(row) : `waived: ${row.reason}`;
    return `| ${row.promise} | ${cell(row.text)} | ${status} | ${cell(facts)} | ${seconds(row.durationMs)} |\n`;
  });
  const list = failures.map(
    (failure) =>
      `- ${inline(titleOf(failure))}: ${inline(failure.reason.trim().split('\n', 1)[0]!)}${inline(originInline(failure))} Repeat: \`${failure.repeat}\`\n`,
  );
  return [
    `### ${inline(subject)}: ${verdictOf(summary)}\n`,
    `| Promise | What it says | Result | Facts | Time |\n|---|---|---|---|--:|\n${rows.join('')}`,
    list.join(''),
    `Claimed: ${inline(listed(claimed))}. Not claimed: ${inline(listed(notClaimed))}. Effort ${effort}, seed ${seed}.\n`,
  ]
    .filter((text) => text !== '')
    .join('\n');
}

function originInline({ causes = [], at }: Failure): string {
  const [cause] = causes.slice(-1);
  return `${cause === undefined ? '' : ` Caused by: ${cause}`}${at === undefined ? '' : ` At ${at}.`}`;
}

/** `14 promises verified, 1 FAILED, 2 not judged; 3 of 160 facts fail; 4.2 s` */
function verdictOf({ promises, durationMs }: Summary): string {
  const statuses: Status[] = [
    'verified',
    'partial',
    'failed',
    'not judged',
    'untested',
    'waived',
    'not claimed',
  ];
  const counted = statuses
    .map((status) => [promises.filter((row) => row.status === status).length, shown(status)] as const)
    .filter(([count, name]) => count > 0 || name === 'verified');
  const facts = promises.reduce((sum, row) => sum + row.holds + row.fails + row.notJudged, 0);
  const fails = promises.reduce((sum, row) => sum + row.fails, 0);
  const all = `${facts} ${facts === 1 ? 'fact' : 'facts'}`;
  const told = fails === 0 ? all : `${fails} of ${all} ${fails === 1 ? 'fails' : 'fail'}`;
  return `Promises: ${counted.map(([count, name]) => `${count} ${name}`).join(', ')}; ${told}; ${seconds(durationMs)}`;
}

/** `1 FAILED, 7 of 27 hold (partial)` */
function countsOf(row: Pick<Row, 'holds' | 'fails' | 'notJudged' | 'untested' | 'planned'>): string {
  const { holds, fails, notJudged, untested, planned } = row;
  const partial = isPartial(row);
  const parts: [number, string][] = [
    [fails, 'FAILED'],
    [holds, partial ? `of ${planned} hold` : 'hold'],
    [notJudged, 'not judged'],
    [untested, 'not tested'],
  ];
  const told = parts.flatMap(([count, name]) => (count > 0 ? [`${count} ${name}`] : []));
  if (partial && told.length === 0) return `0 of ${planned} run (partial)`;
  return `${told.join(', ')}${partial ? ' (partial)' : ''}`;
}

const shown = (status: Status): string => (status === 'failed' ? 'FAILED' : status);
const section = (title: string, items: readonly string[]): string =>
  items.length === 0 ? '' : `${title}:\n\n${items.join('\n')}`;
const titleOf = ({ promise, about, fact }: Finding): string =>
  `${promise}${about === undefined ? '' : `, ${about}`}: ${fact}`;
const listed = (names: readonly string[]): string => (names.length === 0 ? 'nothing' : names.join(', '));
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const cell = (text: string): string => inline(text).replaceAll('|', '\\|');
/** Keeps a text on one line, and what looks like a tag from being one. */
const inline = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('<', '&lt;');
