import type { FactReport, KitReport } from 'dgents-core/testing';
import { badge } from './badge.js';
import { misspelt } from './misspelt.js';
import { optionsOf, UsageError } from './options.js';
import { painter } from './painter.js';
import { markdown, scoreboard } from './scoreboard.js';
import { summaryOf } from './summary.js';

const fact = (promise: FactReport['promise'], name: string, more: Partial<FactReport> = {}): FactReport => ({
  promise,
  about: undefined,
  name,
  outcome: 'holds',
  reason: undefined,
  error: undefined,
  durationMs: 50,
  ...more,
});

/** As an author's own code throws it, through the kit and out of a driver. */
const AWAY = thrown(
  new TypeError('away', {
    cause: thrown(new RangeError('the socket', { cause: 'ECONNRESET' }), 'own/socket.js'),
  }),
  'own/backend.js',
);

function thrown<E extends Error>(error: E, file: string): E {
  const frames = [
    'at node:internal/process/task_queues:95:5',
    `at f (file://${process.cwd()}/node_modules/driver/index.js:3:4)`,
    `at async g (${process.cwd()}/packages/dgents-core/dist/testing/run.js:1:2)`,
    `at async h (file://${process.cwd()}/${file}:12:5)`,
    `at async i (file://${process.cwd()}/own/later.js:1:1)`,
  ];
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n    ');
  return error;
}

/** A bit of everything. */
const REPORT: KitReport = {
  subject: 'my <store>',
  claimed: ['durability power', 'sharing host'],
  notClaimed: ['ttl', 'feed'],
  waived: new Map([['crashes', 'the server runs | elsewhere']]),
  effort: 'long',
  seed: 7,
  promises: ['capabilities', 'values', 'versions', 'operations', 'atomicity', 'ttl', 'feed', 'errors'],
  facts: [
    fact('capabilities', 'what is claimed is told'),
    fact('values', 'every kind of value', { about: 'agents on it' }),
    fact('values', 'damage', { outcome: 'untested', reason: 'the subject has no hook `damage`' }),
    fact('versions', 'the "first" append costs $1', {
      outcome: 'fails',
      reason: 'Expected values to be strictly equal:\n\n1 !== 2\n',
      error: Object.assign(new Error('…'), { name: 'AssertionError' }),
      durationMs: 1_234,
    }),
    fact('versions', 'numbers grow', { outcome: 'fails', reason: 'away', error: AWAY }),
    fact('versions', 'a conflict is a result'),
    fact('operations', 'a replay is recognised', { outcome: 'not judged', reason: 'Not judged: …' }),
    fact('ttl', 'a time to live is refused'),
    fact('errors', 'damage is told', { outcome: 'untested', reason: 'the subject has no hook `damage`' }),
  ],
  planned: new Map(),
  interrupted: false,
  ok: false,
};

const WELL: KitReport = {
  ...REPORT,
  effort: 'ci',
  waived: new Map(),
  promises: ['capabilities'],
  facts: REPORT.facts.slice(0, 1),
  ok: true,
};

test('the scoreboard tells each promise, what failed and how to repeat it, what was not tested and not claimed', () => {
  expect(scoreboard(summaryOf(REPORT, { file: './my-backend.js' }))).toBe(`\
my <store>: effort long, seed 7

  capabilities  verified        0.1 s  1 hold
  values        verified        0.1 s  1 hold, 1 not tested
  versions      FAILED          1.3 s  2 FAILED, 1 hold
  operations    not judged      0.1 s  1 not judged
  atomicity     not claimed     0.0 s
  ttl           not claimed     0.1 s  1 hold
  feed          not claimed     0.0 s
  errors        untested        0.1 s  1 not tested
  crashes       waived          0.0 s

Failed:

  versions: the "first" append costs $1
    Expected values to be strictly equal:

    1 !== 2
    repeat: npx dgents-conformance ./my-backend.js --seed 7 --effort long --only "the \\"first\\" append costs \\$1"

  versions: numbers grow
    TypeError: away
    caused by: RangeError: the socket
    caused by: ECONNRESET
    at own/socket.js:12:5
    repeat: npx dgents-conformance ./my-backend.js --seed 7 --effort long --only "numbers grow"

Not tested:

  the subject has no hook \`damage\`
    values: damage
    errors: damage is told

Waived:

  crashes: the server runs | elsewhere

Claimed: durability power, sharing host
Not claimed: ttl, feed

Promises: 2 verified, 1 FAILED, 1 not judged, 1 untested, 1 waived, 3 not claimed; 2 of 7 facts fail; 1.6 s
`);
});

test('the scoreboard is as plain as can be when all is well', () => {
  expect(scoreboard(summaryOf(WELL, { file: './b.js' }))).toBe(`\
my <store>: effort ci, seed 7

  capabilities  verified        0.1 s  1 hold

Claimed: durability power, sharing host
Not claimed: ttl, feed

Promises: 1 verified; 1 fact; 0.1 s
`);
});

test('markdown is a table, and nothing in it is taken for markup', () => {
  const text = markdown(summaryOf(REPORT, { file: './my-backend.js' }));
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  expect(text).toMatch(/^### my &lt;store>: Promises: 2 verified, 1 FAILED/);
  expect(rows.slice(0, 2)).toEqual([
    '| Promise | What it says | Result | Facts | Time |',
    '|---|---|---|---|--:|',
  ]);
  expect(rows).toContain(
    '| versions | A write is compared with what its writer saw; versions only grow, also across a deletion. | **FAILED** | 2 FAILED, 1 hold | 1.3 s |',
  );
  expect(rows.at(-1)).toMatch(
    /^\| crashes \| .* \| waived \| waived: the server runs \\\| elsewhere \| 0\.0 s \|$/,
  );
  expect(text).toContain(
    '- versions: numbers grow: TypeError: away Caused by: ECONNRESET At own/socket.js:12:5. Repeat: `npx dgents-conformance',
  );
  expect(text).toContain('Not claimed: ttl, feed. Effort long, seed 7.');
});

test('the summary is plain data: what is printed as JSON is all of it', () => {
  const summary = summaryOf(REPORT, { file: './my-backend.js' });
  expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  expect(summary.promises.map(({ promise, status }) => [promise, status])).toEqual([
    ['capabilities', 'verified'],
    ['values', 'verified'],
    ['versions', 'failed'],
    ['operations', 'not judged'],
    ['atomicity', 'not claimed'],
    ['ttl', 'not claimed'],
    ['feed', 'not claimed'],
    ['errors', 'untested'],
    ['crashes', 'waived'],
  ]);
});

test('a narrowed run says so, and leaves out what it was not about', () => {
  const summary = summaryOf({ ...WELL, waived: REPORT.waived }, { file: './b.js', only: 'capabilities' });
  expect(summary.promises.map(({ promise }) => promise)).toEqual(['capabilities']);
  expect(scoreboard(summary)).toMatch(/^my <store>: effort ci, seed 7, only "capabilities"\n/);
  expect(badge(summary)).toEqual({
    schemaVersion: 1,
    label: 'dgents',
    message: '1 promise verified (partial run)',
    color: 'lightgrey',
  });
});

test('a promise of which not all was run is partial, in every form', () => {
  const report = { ...WELL, planned: new Map([['capabilities', 10] as const]) };
  const summary = summaryOf(report, { file: './b.js', only: 'what is claimed' });
  expect(summary.promises[0]).toMatchObject({ status: 'partial', holds: 1, planned: 10 });
  expect(scoreboard(summary)).toContain('  capabilities  partial         0.1 s  1 of 10 hold (partial)\n');
  expect(scoreboard(summary)).toContain('Promises: 0 verified, 1 partial; 1 fact; 0.1 s\n');
  expect(markdown(summary)).toContain(' | partial | 1 of 10 hold (partial) | ');
  expect(badge(summary)).toMatchObject({
    message: '0 promises verified, 1 in part (partial run)',
    color: 'lightgrey',
  });
});

test('a run that was ended says so, and is not whole, whatever it has found', () => {
  const planned = new Map([['capabilities', 1] as const, ['values', 5] as const]);
  const report: KitReport = {
    ...{ ...WELL, planned, promises: ['capabilities', 'values'], interrupted: true, ok: false },
  };
  const summary = summaryOf(report, { file: './b.js' });
  expect(summary).toMatchObject({ ok: false, interrupted: true });
  expect(scoreboard(summary)).toMatch(/^my <store>: effort ci, seed 7, INTERRUPTED\n/);
  expect(scoreboard(summary)).toMatch(/^ {2}values {8}partial +0\.0 s {2}0 of 5 run \(partial\)$/m);
  expect(badge(summary)).toMatchObject({
    message: '1 promise verified, 1 in part (partial run)',
    color: 'lightgrey',
  });
});

test('a misspelt hook is told with the one that was meant, and a helper is left alone', () => {
  const known = ['create', 'open', 'damage', 'advance'];
  expect(misspelt(['create', 'open', 'damge', 'Advanced'], known)).toEqual([
    ['damge', 'damage'],
    ['Advanced', 'advance'],
  ]);
  expect(misspelt(['create', 'opens', 'open', 'default', 'range', 'manage', 'damage'], known)).toEqual([]);
});

test('the badge is what shields.io takes', () => {
  const of = (report: KitReport) => badge(summaryOf(report, { file: './b.js' }));
  expect(of(REPORT)).toEqual({
    schemaVersion: 1,
    label: 'dgents',
    message: '1 promise failed',
    color: 'red',
  });
  expect(of(WELL)).toMatchObject({ message: '1 promise verified', color: 'brightgreen' });
});

test('colours appear on a terminal, unless NO_COLOR is set', () => {
  expect(painter({ isTTY: true }, {})('bad', 'x')).toBe('\u001b[31mx\u001b[0m');
  expect(painter({ isTTY: true }, { NO_COLOR: '1' })('bad', 'x')).toBe('x');
  expect(painter({}, {})('bad', 'x')).toBe('x');
});

test('a long reason is cut on the scoreboard alone', () => {
  const reason = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n');
  const facts = [fact('values', 'long', { outcome: 'fails', reason })];
  const summary = summaryOf({ ...WELL, promises: ['values'], facts, ok: false }, { file: './b.js' });
  expect(scoreboard(summary)).toContain('    line 15\n    … 24 more lines: --json\n');
  expect(summary.failures[0]?.reason).toBe(reason);
});

test('options are read, and what cannot be meant is refused with what to do', () => {
  expect(optionsOf(['./b.js', '--json', '--seed', '7', '--effort', 'long', '--only', 'keys'])).toEqual({
    file: './b.js',
    format: 'json',
    effort: 'long',
    seed: 7,
    only: 'keys',
    help: false,
    version: false,
  });
  const refused: [string[], RegExp][] = [
    [[], /which module/],
    [['a.js', 'b.js'], /one module at a time/],
    [['a.js', '--what'], /^Unknown option '--what'\. See --help\.$/],
    [['a.js', '--json', '--badge'], /--json and --badge/],
    [['a.js', '--effort', 'huge'], /ci or long/],
    [['a.js', '--seed', '1.5'], /whole number/],
    [['a.js', '--only', ''], /--only wants/],
  ];
  for (const [args, message] of refused) {
    expect(() => optionsOf(args)).toThrow(UsageError);
    expect(() => optionsOf(args)).toThrow(message);
  }
});
