/** Runs the built program as a user does: `npm test` builds before, `npm run build` does it by hand. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import {
  generator,
  git,
  growRepository,
  makeRepository,
  randomHistory,
  type Step,
} from './testing/made-repository.js';

const MAIN = join(__dirname, '../dist/main.js');
const ROOT = join(__dirname, '../../..');
const ALL = ['--limit', '100000', '--json'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Answers = Record<string, any>;

let folder: string;
let repo: string;
let store: string;

beforeEach(() => {
  folder = fs.mkdtempSync(join(os.tmpdir(), 'audit-trail-test-'));
  repo = join(folder, '-a "repository"');
  store = join(folder, 'trail.db');
  fs.mkdirSync(repo);
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

async function run(...args: string[]): Promise<Ended> {
  return end(start(args));
}

async function end(child: ChildProcess): Promise<Ended> {
  const said = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    said[0] += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said[1] += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: said[0] ?? '', stderr: said[1] ?? '' };
}

/** What it answers in JSON. */
async function ask(...args: string[]): Promise<Answers> {
  const ended = await run(...args, '--store', store, ...ALL);
  expect(ended.stderr).toBe('');
  expect(ended.code).toBe(0);
  return JSON.parse(ended.stdout);
}

const importing = (...args: string[]): Promise<Answers> => ask('import', '--repo', repo, ...args);

/** Everything that it knows. */
async function everything(): Promise<unknown> {
  const [authors, files, hotspots] = await Promise.all([
    ask('authors', '--emails'),
    ask('files'),
    ask('hotspots'),
  ]);
  return { authors, files, hotspots, events: eventsIn(store) };
}

/** The events as anybody finds them in the table. */
function eventsIn(file: string): any[] {
  const database = new Database(file, { fileMustExist: true });
  try {
    const rows = database.prepare("SELECT data FROM dgents_log WHERE key = 'history' ORDER BY version").all();
    return rows.map((row) => JSON.parse((row as { data: string }).data));
  } finally {
    database.close();
  }
}

/** How often events and models were written, whether or not there is a store; looked at from outside. */
function writesIn(file: string): number {
  if (!fs.existsSync(file)) return 0;
  const database = new Database(file, { fileMustExist: true });
  try {
    const keys = "key = 'history' OR key LIKE 'projection:%'";
    return database
      .prepare(`SELECT count(DISTINCT id) FROM dgents_log WHERE ${keys}`)
      .pluck()
      .get() as number;
  } catch (error) {
    if (/no such table|locked/.test(String(error))) return 0; // they are being made
    throw error;
  } finally {
    database.close();
  }
}

/** Lines added and removed, summed up from what git prints with neither `-z` nor `--raw`. */
function linesByAuthor(): Map<string, [number, number]> {
  const sums = new Map<string, [number, number]>();
  let sum: [number, number] = [0, 0];
  for (const line of git(repo, ['log', '--no-merges', '-M', '--numstat', '--format=by %aN']).split('\n')) {
    const counts = /^(\d+)\t(\d+)\t/.exec(line);
    if (line.startsWith('by ')) {
      const name = Buffer.from(line.slice(3), 'latin1').toString();
      sum = sums.get(name) ?? [0, 0];
      sums.set(name, sum);
    } else if (counts !== null) {
      sum[0] += Number(counts[1]);
      sum[1] += Number(counts[2]);
    }
  }
  return sums;
}

/** Commits by author. */
function shortlog(...args: string[]): Map<string, number> {
  const lines = Buffer.from(git(repo, ['shortlog', '-s', ...args, 'HEAD']), 'latin1').toString();
  const pairs = [...lines.matchAll(/^ *(\d+)\t(.*)$/gm)];
  return new Map(pairs.map(([, commits, name]) => [name as string, Number(commits)]));
}

const commitsOf = (rows: readonly any[], name: 'commits' | 'merges') =>
  new Map(rows.filter((row) => row[name] > 0).map((row) => [row.name, row[name]]));

const by = 'Ada <ada@example.org>';
const [bob, zoe] = ['Bob <bob@example.org>', 'Zoë <zoe@example.org>'];
const DAY = 86_400;
const T0 = 1_700_000_000;
const lines = (n: number) => 'line\n'.repeat(n);

test('odd names, renames, merges and binary files come out as git knows them', async () => {
  const odd = [
    'sp ace "q"',
    'new\nline',
    'tab\tbed',
    'commit 1234',
    ':100644 100644 1 2 M',
    '-rf',
    '__proto__',
    'ünï/😀',
  ];
  const quoted = (name: string) => name.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t');
  const steps: Step[] = odd.map((name, index) => ({ write: quoted(name), text: lines(index + 1) }));
  makeRepository(repo, [
    { by, at: T0, subject: 'Begin' },
    {
      by: bob,
      at: T0 + DAY,
      subject: 'Odd \u001b[2J names',
      steps: [...steps, { write: 'caf\\351', text: lines(1) }, { write: 'caf\\303\\251', text: lines(2) }],
    },
    {
      by: zoe,
      at: T0 + 2 * DAY,
      subject: 'Move',
      steps: [
        { rename: 'tab\\tbed', to: 'moved here' },
        { write: 'bin', text: Buffer.from([0, 1, 2]) },
      ],
    },
    {
      by: 'Bob <bob@other.example>',
      at: T0 + DAY,
      subject: Buffer.from('Caf\xe9', 'latin1'),
      parents: [1],
      steps: [{ write: 'aside', text: lines(4) }],
    },
    { by, at: T0 + 3 * DAY, subject: 'Merge', parents: [2, 3], steps: [{ write: 'aside', text: lines(4) }] },
    {
      by,
      at: T0 + 4 * DAY,
      subject: 'Tidy',
      steps: [{ remove: 'bin' }, { rename: 'moved here', to: 'moved on' }],
    },
  ]);
  expect(await importing()).toMatchObject({ added: 6, version: 6 });

  const [{ authors }, { authors: withEmails }, status, { files }, table, back] = (await Promise.all([
    ask('authors'),
    ask('authors', '--emails'),
    ask('status', '--repo', repo),
    ask('files'),
    run('files', '--store', store),
    run('at', '2', '--store', store),
  ])) as [Answers, Answers, Answers, Answers, Ended, Ended];
  expect(eventsIn(store).map(({ subject }) => subject)).toContainEqual({
    $string: 'Caf\\udce9', // as JSON text: half a surrogate pair is told apart
  });
  expect(JSON.stringify(authors)).not.toContain('@');
  expect(commitsOf(authors, 'commits')).toEqual(shortlog('--no-merges'));
  expect(commitsOf(authors, 'merges')).toEqual(shortlog('--merges'));
  expect(withEmails.find(({ name }: any) => name === 'Bob').emails).toEqual([
    'bob@example.org',
    'bob@other.example',
  ]);

  expect(status).toMatchObject({
    version: 6,
    commits: 5,
    merges: 1,
    missing: 0,
  });
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  const found = new Map(files.map(({ path, ...file }: any) => [path, file]));
  expect([...found.keys()].sort()).toEqual(
    [...odd.filter((name) => name !== 'tab\tbed'), 'moved on', 'caf\udce9', 'café', 'bin', 'aside'].sort(),
  );
  expect(found.get('moved on')).toEqual({
    commits: 3,
    added: 3,
    removed: 0,
    first: at(T0 + DAY),
    last: at(T0 + 4 * DAY),
    deleted: false,
    formerly: ['tab\tbed', 'moved here'],
  });
  expect(found.get('bin')).toMatchObject({ commits: 2, added: 0, removed: 0, deleted: true });
  expect(found.get('caf\udce9')).toMatchObject({ added: 1 });
  expect(found.get('aside')).toMatchObject({ commits: 1, added: 4 }); // not once more by the merge

  expect(table.stdout).toContain('"caf\\351"');
  expect(table.stdout).toContain('moved on (was "tab\\tbed", moved here)');
  expect(back.stdout).toContain('Odd \\u001b[2J names');
});

test('authors and lines are those of git shortlog and git log, on a history with branches', async () => {
  makeRepository(repo, randomHistory(150, 7));
  const { added } = await importing();
  expect(added).toBe(Number(git(repo, ['rev-list', '--count', 'HEAD'])));
  const { authors } = await ask('authors');
  expect(commitsOf(authors, 'commits')).toEqual(shortlog('--no-merges'));
  expect(commitsOf(authors, 'merges')).toEqual(shortlog('--merges'));
  expect(commitsOf(authors, 'merges').size).toBeGreaterThan(0);
  const sums = new Map(authors.map((row: any) => [row.name, [row.added, row.removed]]));
  expect(sums).toEqual(linesByAuthor());

  const events = eventsIn(store);
  const kinds = new Set(events.flatMap(({ files = [] }) => files.map(({ kind }: any) => kind)));
  expect(kinds).toEqual(new Set(['added', 'modified', 'deleted', 'renamed']));
  for (const [index, { parents }] of events.entries()) {
    const before = new Set(events.slice(0, index).map(({ hash }) => hash));
    expect(parents.every((parent: string) => before.has(parent))).toBe(true);
  }
});

test('an import adds only what is new, and refuses a history that is another one', async () => {
  const commits = randomHistory(40);
  makeRepository(repo, commits);
  const first = Number(git(repo, ['rev-list', '--count', 'HEAD'])); // some branches lead nowhere
  expect(await importing()).toMatchObject({ added: first, version: first });
  expect(await importing()).toMatchObject({ added: 0, version: first });
  const { hotspots } = await ask('hotspots');
  growRepository(repo, [
    { by: zoe, at: T0 + 100 * DAY, subject: 'More', steps: [{ write: 'more', text: lines(9) }] },
    { by: zoe, at: T0 + 101 * DAY, subject: 'And more', steps: [{ write: 'more', text: lines(11) }] },
  ]);
  expect(await importing()).toMatchObject({ added: 2, version: first + 2 });
  expect((await ask('files')).files).toContainEqual(
    expect.objectContaining({ path: 'more', added: 11, commits: 2 }),
  );

  git(repo, ['update-ref', 'refs/heads/main', 'HEAD~2']);
  const refused = await run('import', '--repo', repo, '--store', store);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^audit-trail: Commit [0-9a-f]{12} was imported, and is no part of .* --store <file>\.\n$/,
  );
  expect((await ask('at', String(first)))['hotspots']).toEqual(hotspots);
});

test('two imports at once add each commit once', async () => {
  makeRepository(repo, randomHistory(120, 3));
  const ends = await Promise.all(
    Array.from({ length: 3 }, () =>
      run('import', '--repo', repo, '--store', store, '--batch', '7', '--json'),
    ),
  );
  expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  const hashes = eventsIn(store).map(({ hash }) => hash);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect([...hashes].sort()).toEqual(git(repo, ['rev-list', 'HEAD']).trim().split('\n').sort());
  expect(ends.reduce((sum, { stdout }) => sum + JSON.parse(stdout).added, 0)).toBe(hashes.length);
});

test('killed at any moment, again and again, it ends with what an undisturbed run has', async () => {
  makeRepository(repo, randomHistory(200, 5));
  await importing('--batch', '3');
  const undisturbed = await everything();
  const most = writesIn(store);

  store = join(folder, 'killed.db');
  const seed = Date.now();
  const random = generator(seed);
  const kills = [0];
  for (;;) {
    const before = kills.at(-1) ?? 0;
    const batch = String(2 + random(3)); // what was cut elsewhere must not matter
    const child = start(['import', '--repo', repo, '--store', store, '--batch', batch]);
    const ended = end(child);
    const until = before + 1 + random(most / 4);
    while (child.exitCode === null && writesIn(store) < until) await delay(2);
    await delay(random(8));
    child.kill('SIGKILL');
    if ((await ended).code === 0) break;
    kills.push(writesIn(store));
  }
  console.info(`killed after writes ${kills.slice(1).join(', ')} of about ${most} (seed ${seed})`);
  expect(kills).toEqual([...kills].sort((a, b) => a - b));
  expect(kills.length).toBeGreaterThan(2);
  expect(await everything()).toEqual(undisturbed);
}, 120_000);

test('back at a version, a hash and a time it shows what was known then', async () => {
  const commits = randomHistory(60, 11).map((commit, index) => ({ ...commit, at: T0 + index * DAY }));
  makeRepository(repo, commits.slice(0, 30));
  await importing();
  const { hotspots } = await ask('hotspots');
  const version = Number(git(repo, ['rev-list', '--count', 'HEAD']));
  growRepository(repo, [
    { by: zoe, at: T0 + 200 * DAY, subject: 'Later', steps: [{ write: 'later', text: lines(9) }] },
  ]);
  const early = git(repo, ['rev-parse', 'HEAD~1']).trim();
  await importing();
  expect((await ask('hotspots')).hotspots).not.toEqual(hotspots);
  const back = await Promise.all([
    ask('at', String(version)),
    ask('at', early),
    ask('at', early.slice(0, 10)),
    ask('at', new Date((T0 + 100 * DAY) * 1000).toISOString()),
  ]);
  for (const answer of back) expect(answer).toMatchObject({ version, hash: early, hotspots });
});

test.each([
  [['import'], 1, /is no git repository\. Give the path of one: --repo <path>\.$/],
  [['import', '--repo', 'nowhere'], 1, /^audit-trail: There is no folder .*nowhere/],
  [['authors'], 1, /There is no store audit-trail\.db yet\. Make it: audit-trail import/],
  [['hotspot'], 2, /There is no command "hotspot"\. The commands are import/],
])('%p says what to do next', async (args, code, message) => {
  const ended = await run(...args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr.trimEnd()).toMatch(message);
  expect(ended.stderr.trimEnd()).not.toContain('\n');
  expect(fs.readdirSync(folder)).toEqual([expect.stringContaining('repository')]);
});

test('an empty repository, a shallow clone and a missing git are told apart', async () => {
  git(repo, ['init', '--quiet', '--bare']);
  expect((await run('import', '--repo', repo)).stderr).toContain('has no commits yet');
  fs.rmSync(repo, { recursive: true });
  fs.mkdirSync(repo);
  makeRepository(repo, randomHistory(5));
  git(folder, ['clone', '--quiet', '--bare', '--depth=2', `file://${encodeURI(repo)}`, 'shallow']);
  expect((await run('import', '--repo', 'shallow')).stderr).toContain('git fetch --unshallow');
  const without = await end(start(['import', '--repo', repo], { PATH: folder }));
  expect(without.stderr).toContain('no program `git` on the PATH');
  expect(fs.existsSync(join(folder, 'audit-trail.db'))).toBe(false);
});

test('a repository given is the one that is read, also inside of a hook', async () => {
  makeRepository(repo, randomHistory(3));
  const ended = await end(
    start(['import', '--repo', repo, '--store', store, '--json'], { GIT_DIR: join(ROOT, '.git') }),
  );
  expect(JSON.parse(ended.stdout)).toMatchObject({ added: 3 });
});

const noClone = whyNoClone();
(noClone === undefined ? test : test.skip)(
  `the history of this very repository${noClone === undefined ? '' : ` (skipped: ${noClone})`}`,
  async () => {
    repo = ROOT;
    const head = git(repo, ['rev-parse', 'HEAD']).trim();
    const count = Number(git(repo, ['rev-list', '--count', head]));
    const { added } = await importing();
    expect(added).toBeGreaterThanOrEqual(count); // somebody may be committing meanwhile
    const { hash, version } = await ask('at', head);
    expect(hash).toBe(head);
    expect(version).toBeGreaterThanOrEqual(count); // all that leads to it comes before it
    const { authors } = await ask('authors');
    expect(authors.reduce((sum: number, row: any) => sum + row.commits + row.merges, 0)).toBe(added);
  },
);

/** Why the history here is not to be had, if it is not. */
function whyNoClone(): string | undefined {
  try {
    if (fs.realpathSync(git(ROOT, ['rev-parse', '--show-toplevel']).trim()) !== fs.realpathSync(ROOT))
      return 'it is no repository of its own';
    return git(ROOT, ['rev-parse', '--is-shallow-repository']).trim() === 'true'
      ? 'it is a shallow clone'
      : undefined;
  } catch (error) {
    return `there is no git history here: ${(error as Error).message.split('\n')[0]}`;
  }
}
