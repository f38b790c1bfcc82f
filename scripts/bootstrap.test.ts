import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Stands for npm: notes what it was asked for, and "installs" a compiler and a test runner that say they ran. */
const FAKE_NPM = `
  import fs from 'node:fs';
  import { dirname } from 'node:path';
  fs.appendFileSync('calls.txt', 'npm ' + process.argv.slice(2).join(' ') + '\\n');
  if (fs.existsSync('offline')) { console.error('ENOTFOUND'); process.exit(1); }
  fs.rmSync('node_modules', { recursive: true, force: true });
  const program = (path, code) => { fs.mkdirSync(dirname(path), { recursive: true }); fs.writeFileSync(path, code); };
  program('node_modules/typescript/bin/tsc', \`
    const fs = require('node:fs');
    fs.appendFileSync('calls.txt', 'tsc ' + process.argv.slice(2).join(' ') + '\\\\n');
    for (const path of ['packages/dgents-core', 'examples/quickstart']) fs.mkdirSync(path + '/dist', { recursive: true });
    fs.writeFileSync('examples/quickstart/dist/main.js', 'console.log("quickstart", ...process.argv.slice(2))');\`);
  program('node_modules/jest/bin/jest.js', 'console.log("jest", ...process.argv.slice(2)); process.exit(7)');
`;

describe('bootstrap', () => {
  let root: string;

  beforeEach(() => {
    root = fs.mkdtempSync(join(tmpdir(), 'dgents-bootstrap-'));
    const write = (path: string, text: string) => {
      fs.mkdirSync(join(root, path, '..'), { recursive: true });
      fs.writeFileSync(join(root, path), text);
    };
    for (const name of ['bootstrap.mjs', 'redis-server.mjs', 'run.mjs']) {
      write(`scripts/${name}`, fs.readFileSync(join(__dirname, name), 'utf8'));
    }
    write('npm-cli.mjs', FAKE_NPM);
    write('package-lock.json', '{ "packages": { "node_modules/a": { "version": "1.0.0" } } }');
    for (const file of ['tsconfig.json', 'tsconfig.base.json']) write(file, '{}');
    for (const workspace of ['packages/dgents-core', 'examples/quickstart']) {
      for (const file of ['package.json', 'tsconfig.json', 'src/index.ts'])
        write(`${workspace}/${file}`, '{}');
    }
  });
  afterEach(() => fs.rmSync(root, { recursive: true }));

  function run(...args: string[]) {
    const calls = join(root, 'calls.txt');
    fs.writeFileSync(calls, '');
    const env = { ...process.env, npm_execpath: join(root, 'npm-cli.mjs'), DGENTS_TEST_REDIS: 'none' };
    const script = join(root, 'scripts/bootstrap.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
      env,
      encoding: 'utf8',
    });
    return {
      status,
      stdout,
      stderr,
      calls: fs.readFileSync(calls, 'utf8').trim().split('\n').filter(Boolean),
    };
  }

  test('the quickstart installs its own workspaces, builds, runs with its arguments, and does none of it twice', () => {
    const first = run('quickstart', '--keep');
    expect(first.calls).toEqual([
      'npm ci --include=dev --workspace=packages/dgents-core --workspace=examples/quickstart --include-workspace-root=false',
      'tsc -b examples/quickstart',
    ]);
    expect(first.stdout).toMatch(
      /installing the quickstart's packages.*\n.*building.*\nquickstart --keep\n$/,
    );
    expect(run('quickstart')).toMatchObject({ status: 0, calls: [], stdout: 'quickstart\n' });
  });

  test('the tests complete a light install, which then serves the quickstart; their exit code is passed on', () => {
    run('quickstart');
    const upgraded = run('test', 'packages/x');
    expect(upgraded).toMatchObject({ status: 7, calls: ['npm ci --include=dev', 'tsc -b'], stderr: '' });
    expect(upgraded.stdout).toMatch(/\njest packages\/x\n$/);
    expect(run('test').calls).toEqual([]);
    expect(run('quickstart').calls).toEqual([]);
  });

  test('a changed source is built again, a changed lockfile installed again', () => {
    run('test');
    fs.writeFileSync(join(root, 'packages/dgents-core/src/new.ts'), '');
    expect(run('test').calls).toEqual(['tsc -b']);
    fs.writeFileSync(
      join(root, 'package-lock.json'),
      '{ "packages": { "node_modules/a": { "version": "2.0.0" } } }',
    );
    expect(run('test').calls).toEqual(['npm ci --include=dev', 'tsc -b']);
  });

  test('what was installed by hand is left alone', () => {
    run('test');
    const lockfile = '{ "packages": { "node_modules/a": { "version": "3.0.0" } } }';
    fs.writeFileSync(join(root, 'package-lock.json'), lockfile);
    fs.writeFileSync(join(root, 'node_modules/.package-lock.json'), lockfile);
    expect(run('test').calls).toEqual(['tsc -b']);
  });

  test('with --json standard output is the command’s alone', () => {
    expect(run('quickstart', '--json')).toMatchObject({
      stdout: 'quickstart --json\n',
      stderr: expect.stringMatching(/installing/),
    });
  });

  test('a failed install shows what npm said and what to do, and is tried again next time', () => {
    fs.writeFileSync(join(root, 'offline'), '');
    const failed = run('test');
    expect(failed).toMatchObject({ status: 1, stderr: expect.stringMatching(/ENOTFOUND\n.*npm ping/s) });
    fs.rmSync(join(root, 'offline'));
    expect(run('test').calls).toHaveLength(2);
  });

  test('an unknown command and an old Node are explained', () => {
    expect(run('tests')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/unknown command "tests".*quickstart/),
    });
    const probe = `import { nodeProblem } from ${JSON.stringify(join(__dirname, 'bootstrap.mjs'))};
      console.log(['18.19.0', '20.18.3', '20.19.0', '22.1.0'].map((version) => nodeProblem(version) !== undefined).join())`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', probe], {
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe('true,true,false,false');
  });
});
