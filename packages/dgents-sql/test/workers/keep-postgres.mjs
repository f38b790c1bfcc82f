/** Runs a Postgres until the run of tests that needs it is over, and takes its directory away. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const LOOK_MS = 300;

const { command, args, uid, gid, directory, run } = JSON.parse(process.argv[2]);
const server = spawn(command, args, { uid, gid, cwd: directory, stdio: 'ignore' });
const looking = setInterval(() => isThere(run) || server.kill('SIGQUIT'), LOOK_MS);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill('SIGQUIT'));
const end = () => {
  clearInterval(looking);
  rmSync(directory, { recursive: true, force: true });
};
server.on('exit', end).on('error', end);

function isThere(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
