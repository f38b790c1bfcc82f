/**
 * Set-up with nothing but Node and npm: every script of package.json comes through here first.
 *
 *     node scripts/bootstrap.mjs <command> [arguments for it]
 *
 * Installs from the lockfile and builds, each only when needed, then runs the command. `quickstart` installs
 * its own workspaces only, so that it stays light; everything else installs all. A stamp in node_modules
 * remembers what is there, so nothing is done twice; what you installed by hand with `npm install` counts.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureRedis } from './redis-server.mjs';
import { node, nodeInherit, npm, ROOT, Stop, step } from './run.mjs';

const LIGHT = ['packages/dgents-core', 'examples/quickstart'];
const INSTALL_ADVICE = `What npm said is above. Does \`npm ping\` answer, or does npm need a proxy or another registry (\`npm config\`)?
If a package.json was changed, \`npm install\` brings the lockfile in step.`;
const COMMANDS = {
  quickstart: { light: true, run: ['examples/quickstart/dist/main.js'] },
  test: { run: ['node_modules/jest/bin/jest.js'] },
  'test:power': { run: ['packages/dgents-core/test/power-cut.mjs'] },
  build: {},
  check: { build: false, run: ['scripts/check.mjs'] },
  bench: { run: ['scripts/bench.mjs'] },
  docs: { build: false, run: ['node_modules/typedoc/bin/typedoc'] },
  format: { build: false, run: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'] },
};

export async function main([name, ...args]) {
  const command = COMMANDS[name];
  const report = args.includes('--json') ? process.stderr : process.stdout; // stdout is the command's then
  try {
    if (!command) throw new Stop(`unknown command "${name}". There are: ${Object.keys(COMMANDS).join(', ')}`);
    const tooOld = nodeProblem(process.versions.node);
    if (tooOld) throw new Stop(tooOld);
    const light = command.light === true;
    if (!isInstalled(light)) await install(light, report);
    if (command.build !== false && !isBuilt(light)) await build(light, report);
    if (name === 'test') await ensureRedis(report);
    return command.run ? await nodeInherit([...command.run, ...args]) : 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    process.stderr.write(`dgents: ${error.message}\n`);
    return 1;
  }
}

/** What to tell someone whose Node is older than 20.19, the first with `require` of ES modules. */
export function nodeProblem(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return `this needs Node 20.19 or newer, and runs on ${version}. Install one from https://nodejs.org and try again.`;
}

// --- install ---------------------------------------------------------------------------------------------

const installStamp = join(ROOT, 'node_modules/.dgents-install.json');
const abi = `${process.platform}-${process.arch}-${process.versions.modules}`; // native builds fit one of these

function isInstalled(light) {
  const stamp = readJson(installStamp);
  if (stamp && stamp.abi !== abi) return false;
  if (stamp?.lock === lockHash() && (stamp.all || light)) return true;
  if (!hasWholeLockfile()) return false;
  writeJson(installStamp, { lock: lockHash(), abi, all: true });
  return true;
}

/** npm notes in a hidden lockfile what it has installed; optional packages may be absent from it. */
function hasWholeLockfile() {
  const installed = readJson(join(ROOT, 'node_modules/.package-lock.json'))?.packages ?? {};
  const wanted = Object.entries(readJson(join(ROOT, 'package-lock.json')).packages);
  return wanted.every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') || entry.optional || installed[path]?.version === entry.version,
  );
}

async function install(light, report) {
  const what = light ? "the quickstart's packages" : 'all packages';
  fs.rmSync(installStamp, { force: true });
  const flags = light
    ? [...LIGHT.map((path) => `--workspace=${path}`), '--include-workspace-root=false']
    : [];
  // Development packages are wanted whatever NODE_ENV says: the compiler is one of them.
  const run = () => npm(['ci', '--include=dev', ...flags]);
  await step(report, `installing ${what} from the lockfile (npm ci)`, run, INSTALL_ADVICE);
  writeJson(installStamp, { lock: lockHash(), abi, all: !light });
}

// --- build -----------------------------------------------------------------------------------------------

const buildStamp = join(ROOT, 'node_modules/.dgents-build.json');

function isBuilt(light) {
  const stamp = readJson(buildStamp);
  const outputs = light ? LIGHT : workspaces();
  const present = outputs.every((path) => fs.existsSync(join(ROOT, path, 'dist')));
  return present && stamp?.sources === sourcesHash() && (stamp.all || light);
}

async function build(light, report) {
  const sources = sourcesHash(); // before, so that an edit during the build is not taken for built
  const projects = light ? ['examples/quickstart'] : []; // its references bring dgents-core
  const run = () => node(['node_modules/typescript/bin/tsc', '-b', ...projects]);
  await step(report, 'building', run, 'Correct what the compiler says above, then run this again.');
  writeJson(buildStamp, { sources, all: !light });
}

function workspaces() {
  const parents = ['packages', 'examples'].filter((folder) => fs.existsSync(join(ROOT, folder)));
  const paths = parents.flatMap((folder) =>
    fs.readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
  );
  return paths.filter((path) =>
    ['src', 'tsconfig.json'].every((name) => fs.existsSync(join(ROOT, path, name))),
  );
}

function sourcesHash() {
  const hash = createHash('sha256').update(lockHash());
  const add = (path) => {
    const { mtimeMs, size } = fs.statSync(join(ROOT, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  for (const file of ['tsconfig.base.json', 'tsconfig.json']) add(file);
  for (const workspace of workspaces()) {
    for (const file of ['package.json', 'tsconfig.json']) add(`${workspace}/${file}`);
    const sources = fs.readdirSync(join(ROOT, workspace, 'src'), { recursive: true });
    for (const file of sources.sort()) if (!/\.test(-d)?\.ts$/.test(file)) add(`${workspace}/src/${file}`);
  }
  return hash.digest('hex');
}

function lockHash() {
  const lockfile = fs.readFileSync(join(ROOT, 'package-lock.json'));
  return createHash('sha256').update(lockfile).digest('hex');
}

function readJson(path) {
  try {
    return JSON.parse(fs.readFileSync(path, 'utf8'));
  } catch {
    return undefined; // absent, or cut short when a run was interrupted: the same as not there
  }
}

function writeJson(path, value) {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, `${JSON.stringify(value)}\n`);
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
