/**
 * The kit under the three runners it is made for: the built package, in a small project of its own, in processes of their
 * own. What one runner finds the others have to find too.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../../..');
const TIMEOUT_MS = 180_000;
const SEED = '20';

/** The files of the project. Its tests are the same lines but for where `describe` and `test` come from. */
const FILES = {
  'package.json': '{ "name": "a-plug-in", "private": true, "type": "module" }',
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
    export const { claims, create, destroy, advance } = memory;
    export const name = 'a memory whose prefixes bleed';
    export const open = (place) => {
      const backend = memory.open(place);
      const { keys } = backend;
      backend.keys = (prefix = '', options) => keys.call(backend, prefix.slice(0, -1), options);
      return backend;
    };`,
  // Jest runs ES modules as such with a flag of Node's; nothing is transformed then.
  'jest.config.json': '{ "testEnvironment": "node", "transform": {}, "testMatch": ["**/*.jest.js"] }',
  'vitest.config.js': "export default { test: { include: ['**/*.vitest.js'], watch: false } };",
};

const IMPORTS = {
  node: "import { describe, test } from 'node:test';",
  vitest: "import { describe, test } from 'vitest';",
  jest: '', // globals
};

type RunnerName = keyof typeof IMPORTS;

const COMMANDS: Record<RunnerName, (file: string) => readonly string[]> = {
  node: (file) => ['--test', '--test-reporter=tap', file],
  vitest: (file) => [bin('vitest', 'vitest'), 'run', '--reporter=json', file],
  jest: (file) => ['--experimental-vm-modules', bin('jest', 'jest'), '--json', '--runTestsByPath', file],
};

interface Result {
  readonly code: number;
  readonly passed: number;
  /** The names of the tests that failed. */
  readonly failed: readonly string[];
  /** Of those that were skipped once they had begun: what they rest on has failed. */
  readonly notJudged: readonly string[];
}

interface JsonTest {
  readonly title: string;
  readonly status: string;
  readonly failureMessages?: readonly string[];
}

interface JsonReport {
  readonly testResults: readonly { readonly assertionResults: readonly JsonTest[] }[];
}

const folder = mkdtempSync(join(tmpdir(), 'dgents-runners-'));

beforeAll(() => {
  const tsc = createRequire(__filename).resolve('typescript/bin/tsc');
  const built = spawnSync(process.execPath, [tsc, '-b', 'packages/dgents-core'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new TypeError(`the package does not build: ${built.stdout}`);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  for (const [runner, imports] of Object.entries(IMPORTS)) {
    for (const subject of ['memory', 'broken']) {
      const text = `
        ${imports}
        import { describeBackend } from 'dgents-core/testing';
        import * as subject from './${subject}.js';
        describeBackend({ describe, test, ...subject });`;
      writeFileSync(join(folder, `${subject}.${runner}.js`), text);
    }
  }
  // Everything that is installed here is installed there: the package among it, linked.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
}, TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The script behind a command, to be run by this very Node. */
function bin(name: string, command: string): string {
  const manifest = createRequire(__filename).resolve(`${name}/package.json`);
  const scripts = (createRequire(__filename)(manifest) as { bin: string | Record<string, string> }).bin;
  return join(manifest, '..', typeof scripts === 'string' ? scripts : scripts[command]!);
}

async function run(runner: RunnerName, subject: string): Promise<Result> {
  const env: NodeJS.ProcessEnv = { ...process.env, DGENTS_KIT_SEED: SEED, NO_COLOR: '1' };
  // What jest and node:test leave for their children would make these take themselves for a part of this run.
  for (const name of ['JEST_WORKER_ID', 'NODE_TEST_CONTEXT', 'NODE_ENV', 'NODE_OPTIONS', 'VITEST'])
    delete env[name];
  const child = spawn(process.execPath, COMMANDS[runner](`${subject}.${runner}.js`), { cwd: folder, env });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
  try {
    return { code, ...(runner === 'node' ? fromTap(out) : fromJson(JSON.parse(out))) };
  } catch (error) {
    throw new TypeError(`${runner} ended with ${code} and no report: ${out}\n${err}`, { cause: error });
  }
}

/** What the kit declares as skipped says so in its name; any other was skipped when it ran. */
const isDeclared = (name: string): boolean => name.includes('(not tested: ');

function fromJson({ testResults }: JsonReport): Omit<Result, 'code'> {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const of = (...statuses: string[]): string[] =>
    tests.filter(({ status }) => statuses.includes(status)).map(({ title }) => title);
  const skipped = of('skipped', 'pending').filter((name) => !isDeclared(name));
  return { passed: of('passed').length, failed: of('failed'), notJudged: skipped };
}

/** The leaves of a TAP report: what has no plan of its own follows. */
function fromTap(text: string): Omit<Result, 'code'> {
  const found = [
    ...text.matchAll(/^ *(not )?ok \d+ - (.*)\n *---\n(?: *duration_ms: .*\n)(?: *(type: 'suite')\n)?/gm),
  ];
  const leaves = found
    .filter(([, , , suite]) => suite === undefined)
    .map(([, not, told]) => {
      const [name, directive] = told!.replaceAll('\\', '').split(' # ', 2) as [string, string | undefined];
      return { ok: not === undefined, name, skipped: directive?.startsWith('SKIP') === true };
    });
  const ran = leaves.filter(({ skipped }) => !skipped);
  return {
    passed: ran.filter(({ ok }) => ok).length,
    failed: ran.filter(({ ok }) => !ok).map(({ name }) => name),
    notJudged: leaves.filter(({ skipped, name }) => skipped && !isDeclared(name)).map(({ name }) => name),
  };
}

test(
  'a good backend passes under node:test, vitest and jest, with the same number of tests',
  async () => {
    const runners: RunnerName[] = ['node', 'vitest', 'jest'];
    const results: Result[] = [];
    for (const runner of runners) results.push(await run(runner, 'memory'));
    expect(results.map(({ code, failed }) => ({ code, failed }))).toEqual(
      runners.map(() => ({ code: 0, failed: [] })),
    );
    expect(results[0]!.passed).toBeGreaterThan(100);
    expect(results.map(({ passed }) => passed)).toEqual(runners.map(() => results[0]!.passed));
  },
  TIMEOUT_MS,
);

test(
  'a broken backend fails under each of them, by the same facts; what rests on those is skipped, where the runner can',
  async () => {
    const { failed, notJudged, code, passed } = await run('node', 'broken');
    expect(failed.length).toBeGreaterThan(0);
    expect(notJudged.length).toBeGreaterThan(100);
    expect(code).toBe(1);
    expect(await run('vitest', 'broken')).toEqual({ code: 1, passed, failed, notJudged });
    const { failed: all, ...jest } = await run('jest', 'broken');
    expect(jest).toEqual({ code: 1, passed, notJudged: [] });
    expect([...all].sort()).toEqual([...failed, ...notJudged].sort());
  },
  TIMEOUT_MS,
);
