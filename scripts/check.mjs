/**
 * `npm run check`: format, lint, types, docs and packed tarballs; a line per step, every step whatever the others say.
 *
 *     npm run check [-- --fix] [step …]        --fix formats first; naming steps runs only those
 */
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { node, npm, ROOT } from './run.mjs';

const bin = (path) => join('node_modules', path);
const BIOME = bin('@biomejs/biome/bin/biome');
const TSC = bin('typescript/bin/tsc');
const STEPS = {
  lockfile: () => node(['scripts/lock-platforms.mjs', '--check']),
  format: () => node([BIOME, 'ci', '--error-on-warnings', '--colors=off', '.']),
  types: () => inTurn([() => node([TSC, '-b']), () => node([TSC, '-p', 'tsconfig.test.json'])]),
  sources: async () => problems(scanSources()),
  docs: () => node([bin('typedoc/bin/typedoc'), '--logLevel', 'Warn']),
  packages: () => inTurn(packages().map((path) => () => checkTarball(path))),
};

/** Rules no linter here knows: what to look for, in which files, and what to do instead. */
const RULES = [
  [/throw new Error\(/, (file) => isSource(file), 'throw a typed error of errors.ts'],
  [
    /\b(test|it|describe)\.only\(|\bf(it|describe)\(/,
    (file) => file.endsWith('.ts'),
    'a focused test hides the others',
  ],
];
// Faults are what other software does wrong, bare errors included.
const isSource = (file) =>
  /\/src\//.test(file) && file.endsWith('.ts') && !/\.test(-d)?\.ts$|\/testing\/faults\//.test(file);

async function main(args) {
  if (args.includes('--fix')) await node([BIOME, 'check', '--write', '.']);
  const chosen = args.filter((arg) => !arg.startsWith('-'));
  const names = chosen.length > 0 ? chosen : Object.keys(STEPS);
  const failed = [];
  for (const name of names) {
    const start = Date.now();
    if (!STEPS[name]) throw new RangeError(`no step "${name}"; there are ${Object.keys(STEPS).join(', ')}`);
    const { code, output } = await STEPS[name]().catch((error) => ({ code: 1, output: error.message }));
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    if (code !== 0) failed.push(name);
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(10)} ${seconds.padStart(5)} s`);
    if (code !== 0) console.log(`${output.replace(/^/gm, '       ')}\n`);
  }
  console.log(failed.length === 0 ? 'check: all is well' : `check: failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

/** Runs them one after the other, all of them; fails if one did. */
async function inTurn(runs) {
  const results = [];
  for (const run of runs) results.push(await run());
  const failed = results.filter(({ code }) => code !== 0);
  return { code: failed.length, output: failed.map(({ output }) => output).join('\n') };
}

const problems = (lines) => ({ code: lines.length, output: lines.join('\n') });

function scanSources() {
  return ['packages', 'examples', 'docs', 'bench'].flatMap(filesUnder).flatMap((file) => {
    const lines = fs.readFileSync(join(ROOT, file), 'utf8').split('\n');
    const rules = RULES.filter(([, applies]) => applies(file));
    return lines.flatMap((line, index) =>
      rules
        .filter(([pattern]) => pattern.test(line))
        .map(([, , advice]) => `${file}:${index + 1} ${line.trim()}  (${advice})`),
    );
  });
}

function filesUnder(folder) {
  if (!fs.existsSync(join(ROOT, folder))) return [];
  return fs.readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return ['node_modules', 'dist', 'api'].includes(entry.name) ? [] : filesUnder(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function packages() {
  const paths = fs.readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}`);
  return paths.filter((path) => fs.existsSync(join(ROOT, path, 'package.json')));
}

/** What a user would install: packed, then looked at by publint and attw. The build comes from the step `types`. */
async function checkTarball(path) {
  if (!fs.existsSync(join(ROOT, path, 'dist')))
    return { code: 1, output: `${path}: not built (step "types")` };
  const folder = fs.mkdtempSync(join(os.tmpdir(), 'dgents-pack-'));
  try {
    const packed = await npm([
      'pack',
      `--workspace=${path}`,
      '--pack-destination',
      folder,
      '--loglevel=error',
    ]);
    if (packed.code !== 0) return packed;
    const tarball = join(folder, fs.readdirSync(folder)[0]);
    return await inTurn([
      () => node([bin('publint/src/cli.js'), 'run', tarball, '--strict']),
      () =>
        node([bin('@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only', '--no-emoji']),
    ]);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
