/** The command on subjects that are wrong themselves: it says so, and never ends well by mistake. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Each test starts processes, and the machine may be busy with others. */
jest.setTimeout(60_000);

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Running {
  readonly ended: Promise<Ended>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-command-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(subject: string, ...args: string[]): Running {
  const file = isAbsolute(subject) ? subject : path(`subjects/${subject}`);
  const env = { ...process.env, NO_COLOR: '1', DGENTS_TEST_FOLDER: folder };
  const child = spawn(process.execPath, [path('../dist/bin.js'), file, ...args], { env });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, out, err })));
  return { ended, kill: (signal) => child.kill(signal) };
}

const run = (subject: string, ...args: string[]): Promise<Ended> => start(subject, ...args).ended;

/** A subject of this text, beside which everything installed can be imported. */
function written(text: string): string {
  const file = join(folder, 'subject.mjs');
  writeFileSync(file, text.replaceAll('./memory.mjs', new URL('subjects/memory.mjs', import.meta.url).href));
  return file;
}

test.each([
  ['exit-on-import.mjs', /exit-on-import\.mjs:4:9/],
  ['exit-in-run.mjs', /exit-in-run\.mjs:7:32/],
  ['never.mjs', /something awaits what never comes/],
])('a subject that ends the process is no success: %s', async (subject, where) => {
  const { code, out, err } = await run(subject, '--only', 'a prefix is');
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^dgents-conformance: the process ends before the run is over: /);
  expect(err).toMatch(where);
});

test('a skeleton whose methods throw gives a scoreboard, with causes and places in the files of its author', async () => {
  const { code, out, err } = await run('skeleton.mjs', '--only', 'versions');
  expect(err).toMatch(/^dgents-conformance: .*skeleton\.mjs exports `damge`, .* did you mean `damage`\?\n$/);
  expect(code).toBe(1);
  expect(out).toMatch(/^ {2}versions +FAILED/m);
  expect(out).toMatch(
    /^ {4}Error: not written yet\n {4}caused by: RangeError: the table is missing\n {4}at .*skeleton\.mjs:\d+:\d+\n/m,
  );
});

test('a syntax error is told with its file and line, also in a file that is imported', async () => {
  const torn = join(folder, 'torn.mjs');
  writeFileSync(torn, 'const one = 1;\nexport const = one;\n');
  for (const subject of [torn, written("import './torn.mjs';")]) {
    const { code, err } = await run(subject);
    expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
    expect(err).toMatch(/could not be imported: SyntaxError: .* \(.*torn\.mjs:2\)\.$/m);
  }
});

test('what `create` does not give, and a claim that does not exist, are refused', async () => {
  const placeless = await run(
    written("export * from './memory.mjs'; export const create = () => undefined;"),
  );
  expect([placeless.code, placeless.err]).toEqual([2, expect.stringContaining('`create` gives undefined')]);
  const claiming = await run(
    written("export * from './memory.mjs'; export const claims = { durability: 'disk' };"),
  );
  expect([claiming.code, claiming.err]).toEqual([
    2,
    expect.stringMatching(/'disk'\. There are: 'none', 'process', 'power'/),
  ]);
});

test('a run that is narrowed shows how much of each promise it has tried', async () => {
  const { code, out } = await run('memory.mjs', '--only', 'a prefix is exact');
  expect(code).toBe(0);
  expect(out).toMatch(/^ {2}keys +partial +\d+\.\d s {2}1 of \d+ hold \(partial\)$/m);
  expect(out).toMatch(/^Promises: 0 verified, 1 partial; 1 fact; /m);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'a run that is ended with %s shows what it has found, and leaves no place behind',
  async (signal, exit) => {
    const waiting = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!existsSync(join(folder, 'waiting'))) return;
        watcher.close();
        resolve();
      });
    });
    const running = start('slow.mjs', '--json');
    await waiting;
    running.kill(signal);
    const { code, out, err } = await running.ended;
    expect([code, err]).toEqual([exit, '']);
    expect(JSON.parse(out)).toMatchObject({ ok: false, interrupted: true, badge: { color: 'lightgrey' } });
    expect(readdirSync(folder).filter((name) => name.startsWith('place-'))).toEqual([]);
  },
);
