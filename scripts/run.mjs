/** Running other programs and saying so: shared by the scripts here, free of dependencies. */
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure that was explained to the user: no stack trace. */
export class Stop extends Error {}

/** Says what is going on while `run` runs: a clock on a terminal, one plain line elsewhere. */
export async function step(report, title, run, advice) {
  const start = Date.now();
  const line = () => `\rdgents: ${title} … ${Math.round((Date.now() - start) / 1000)} s`;
  report.write(report.isTTY ? line() : `dgents: ${title} …\n`);
  const clock = report.isTTY ? setInterval(() => report.write(line()), 1000) : undefined;
  const { code, output } = await run();
  clearInterval(clock);
  if (report.isTTY) report.write(`${line()}\n`);
  if (code !== 0) throw new Stop(`${title} failed\n${output}\n${advice}`);
}

/** Runs `node …args` in the root, as if the user had started it; resolves to its exit code. */
export const nodeInherit = async (args) =>
  (await finished(spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }))).code;

/** Runs `node …args` and keeps what it prints. */
export const node = (args, options) => capture(process.execPath, args, options);

/** Runs the npm that started us, else the one on the PATH. */
export function npm(args, options) {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.[cm]?js$/.test(cli)) return node([cli, ...args], options);
  return capture('npm', args, { shell: process.platform === 'win32', ...options }); // a .cmd file there
}

/** Runs a program and keeps what it prints. */
export const capture = (file, args, options) =>
  finished(spawn(file, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options }));

function finished(child) {
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) => {
    const end = (code, note = '') => resolve({ code, output: `${Buffer.concat(chunks)}${note}`.trim() });
    child.on('error', (error) => end(1, error.message));
    child.on('close', (code, signal) => end(code ?? 1, signal ? `ended by ${signal}` : ''));
  });
}
