/**
 * The command as a user gets it: both packages packed, installed into an empty folder, and run there.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');
const TIMEOUT_MS = 120_000;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(file: string, args: readonly string[], cwd: string): Promise<Ended> {
  const env = { ...process.env, NO_COLOR: '1' };
  return new Promise((resolve) => {
    const options = { cwd, env, maxBuffer: 2 ** 26, shell: process.platform === 'win32' };
    execFile(file, [...args], options, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, out, err });
    });
  });
}

/** The modules of a user: a good backend, a broken one, and what is none. */
const MODULES = {
  'package.json': '{ "name": "a-user", "private": true, "type": "module" }',
  'memory.js': `
    import { memoryBackend } from 'dgents-core';
    export const name = 'a memory';
    export const claims = {
      atomicity: 'store', feed: 'global', orderedKeys: true, ttl: true, values: true, watch: true, find: true,
    };
    export const create = () => {
      const place = { passed: 0 };
      place.store = memoryBackend({ clock: () => Date.now() + place.passed });
      return place;
    };
    export const open = ({ store }) => memoryBackend({ sharing: store });
    export const destroy = ({ store }) => store.close();
    export const advance = (place, ms) => { place.passed += ms; };`,
  'broken.js': `
    import * as memory from './memory.js';
    export default {
      ...memory,
      name: 'a memory whose prefixes bleed',
      open: (place) => {
        const backend = memory.open(place);
        const { keys } = backend;
        backend.keys = (prefix = '', options) => keys.call(backend, prefix.slice(0, -1), options);
        return backend;
      },
    };`,
  'agent.js': `
    import { Store, memoryBackend } from 'dgents-core';
    export * from './memory.js';
    export const claims = { ttl: true };
    export const open = ({ store }, { key, ...options }) =>
      new Store(memoryBackend({ sharing: store })).agent(key, options);`,
  'closed.js': `
    export * from './memory.js';
    export const open = () => { throw new Error('the server does not answer'); };`,
  'empty.js': 'export const name = "nothing";',
  'torn.js': 'export const = ;',
  'view.ts': 'export const name: string = "types";',
};

const folder = mkdtempSync(join(tmpdir(), 'dgents-tarball-'));
/** Why it could not be set up: the registry may be out of reach. Known before the tests are declared, so that they are skipped. */
const unreachable = setUp();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function setUp(): string | undefined {
  for (const path of ['packages/dgents-core', 'packages/dgents-conformance']) {
    npm(['pack', `--workspace=${path}`, '--pack-destination', folder], ROOT);
  }
  const tarballs = readdirSync(folder).map((name) => `./${name}`);
  for (const [name, text] of Object.entries(MODULES)) writeFileSync(join(folder, name), text);
  try {
    npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1', ...tarballs], folder);
    return undefined;
  } catch (error) {
    const text = (error as Error).message;
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|ENETUNREACH|\bE5\d\d\b/.test(text))
      throw error;
    return 'npm install does not reach its registry, and its cache lacks fast-check';
  }
}

function npm(args: readonly string[], cwd: string): void {
  const options = { cwd, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  const { status, stderr, error } = spawnSync('npm', args, options);
  if (status !== 0) throw new TypeError(`npm ${args.join(' ')} failed: ${error?.message ?? stderr}`);
}

const command = (...args: string[]): Promise<Ended> =>
  run(process.execPath, [join('node_modules', 'dgents-conformance', 'dist', 'bin.js'), ...args], folder);

/** A test that needs the installation. */
function installed(name: string, body: () => Promise<void>): void {
  if (unreachable === undefined) test(name, body, TIMEOUT_MS);
  else test.skip(`${name} (${unreachable})`, body);
}

installed('npx finds the command; a good backend is verified, with exit code 0', async () => {
  const { code, out, err } = await run('npx', ['--no', 'dgents-conformance', './memory.js'], folder);
  expect(`${err}${out}`).not.toContain('FAILED');
  expect(out).toMatch(/^a memory: effort ci, seed \d+\n/);
  expect(out).toMatch(/^ {2}versions +verified +\d+\.\d s {2}\d+ hold/m);
  expect(out).toMatch(/^Not claimed: durability/m);
  expect(out).not.toContain('\u001b');
  expect(code).toBe(0);
});

installed('a broken backend fails with exit code 1: its promise, fact and repetition are named', async () => {
  const { code, out } = await command('./broken.js', '--json', '--seed', '3');
  const { ok, promises, failures, badge } = JSON.parse(out);
  expect([code, ok, badge.color]).toEqual([1, false, 'red']);
  const failed = promises.filter(({ status }: { status: string }) => status === 'failed');
  expect(failed.map(({ promise }: { promise: string }) => promise)).toEqual(['keys']);
  expect(failures[0].repeat).toMatch(/^npx dgents-conformance \.\/broken\.js --seed 3 --only ".+"$/);
  const again = await command('./broken.js', '--seed', '3', '--only', failures[0].fact);
  expect(again.code).toBe(1);
  expect(again.out).toContain(failures[0].fact);
  expect(again.out).toMatch(/^ {2}keys +FAILED/m);
});

installed('one promise alone, as markdown, as a badge, as an agent', async () => {
  const table = await command('./memory.js', '--markdown', '--only', 'keys');
  expect(table.out).toMatch(/^### a memory: Promises: 1 verified;/);
  expect(table.out).toMatch(/^\| keys \| .+ \| verified \| \d+ hold \| /m);
  const badge = await command('./memory.js', '--badge', '--only', 'keys');
  expect(JSON.parse(badge.out)).toMatchObject({ schemaVersion: 1, label: 'dgents' });
  writeFileSync(join(folder, 'agents.js'), "export * from './agent.js'; export const kind = 'agent';");
  const agents = await command('./agents.js', '--only', 'versions');
  expect(`${agents.err}${agents.out}`).toMatch(/versions +verified/);
});

installed('wrong usage is exit code 2 and one line that says what to do, no stack', async () => {
  const cases: [string[], RegExp][] = [
    [[], /which module\?/],
    [['./nowhere.js'], /there is no file .*nowhere\.js\./],
    [['./empty.js'], /empty\.js does not export the function `create`, `open`, `destroy` \(see --help\)\./],
    [['./torn.js'], /torn\.js could not be imported: SyntaxError: /],
    [['./view.ts'], /view\.ts could not be imported: .*NODE_OPTIONS="--import tsx"/],
    [
      ['./agent.js'],
      /`open` gives no backend: it has no `commit`\. It gives an agent: export `kind = 'agent'`\./,
    ],
    [['./closed.js'], /`open` failed: Error: the server does not answer\./],
    [['./memory.js', '--only', 'no such fact'], /no promise and no fact here is called "no such fact"/],
    [['./memory.js', '--sed', '1'], /Unknown option '--sed'/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await command(...args);
    expect(err).toMatch(message);
    expect([code, out, err.trim().split('\n').length]).toEqual([2, '', 1]);
  }
});

installed('help and version are printed with exit code 0', async () => {
  expect(await command('--help')).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining('Usage: '),
  });
  expect(await command('--version')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});

installed('without fast-check the kit says which package is missing', async () => {
  rmSync(join(folder, 'node_modules', 'fast-check'), { recursive: true, force: true });
  const { code, err } = await run(
    process.execPath,
    ['--input-type=module', '-e', "await import('dgents-core/testing')"],
    folder,
  );
  expect([code, err]).toEqual([1, expect.stringContaining("Cannot find package 'fast-check'")]);
});
