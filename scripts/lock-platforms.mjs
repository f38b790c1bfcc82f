/**
 * Completes package-lock.json with the platform packages (esbuild, swc, biome …) that npm left out of it.
 *
 * npm locks an optional platform package only where the registry in use serves it, and drops the others. A
 * lockfile written behind a partial mirror then fails `npm ci` everywhere: "Missing: … from lock file". The
 * parent pins them to an exact version, so they can be named without asking. Such an entry has no `integrity`;
 * `npm install` against a complete registry adds it.
 *
 *   node scripts/lock-platforms.mjs           after every `npm install` that changes the lockfile
 *   node scripts/lock-platforms.mjs --check   exits 1 if something is missing or names a registry
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** The entries that belong into `packages` (of a lockfile), by path. */
export function missingPlatforms(packages) {
  const missing = {};
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages) continue;
      const platform = platformOf(name);
      if (!platform || !EXACT.test(version)) continue;
      // In the order in which npm writes these fields, so that the next `npm install` changes nothing.
      const { cpu, libc, os } = platform;
      const dev = entry.dev ? { dev: true } : {};
      missing[`node_modules/${name}`] = { version, cpu, ...dev, ...libc, optional: true, os };
    }
  }
  return missing;
}

function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => OS.includes(word));
  const cpu = words.filter((word) => CPU.includes(word));
  if (os.length === 0 || cpu.length === 0) return undefined;
  const libc = /-musl/.test(name) ? ['musl'] : /-gnu/.test(name) ? ['glibc'] : undefined;
  return { cpu, libc: libc && { libc }, os };
}

/** What a clone elsewhere would trip over, as sentences. */
export function lockfileProblems(lockfile) {
  const incomplete = Object.keys(missingPlatforms(lockfile.packages)).map((path) => `${path} is missing`);
  const hosts = Object.entries(lockfile.packages)
    .filter(([, entry]) => /^[a-z+]+:\/\//.test(entry.resolved ?? ''))
    .map(([path]) => `${path} names the registry it came from`);
  return [...incomplete, ...hosts];
}

function main(check) {
  const file = new URL('../package-lock.json', import.meta.url);
  const lockfile = JSON.parse(readFileSync(file, 'utf8'));
  if (check) {
    const problems = lockfileProblems(lockfile);
    if (problems.length > 0) {
      console.error(`package-lock.json:\n  ${problems.join('\n  ')}\nRun: node scripts/lock-platforms.mjs`);
      process.exit(1);
    }
    return;
  }
  const missing = missingPlatforms(lockfile.packages);
  const entries = Object.entries({ ...lockfile.packages, ...missing });
  lockfile.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`);
  console.log(`package-lock.json: ${Object.keys(missing).length} platform packages added`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  main(process.argv.includes('--check'));
