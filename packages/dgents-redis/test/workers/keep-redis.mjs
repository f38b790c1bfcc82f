/** Keeps a Redis for the tests of one run, and ends it with the run, however that ends. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const { command, port, directory, run } = JSON.parse(process.argv[2]);
const args = [
  '--port',
  String(port),
  '--bind',
  '127.0.0.1',
  '--dir',
  directory,
  '--save',
  '',
  '--databases',
  '16',
];
const server = spawn(command, args, { stdio: 'ignore' });

const look = setInterval(() => {
  try {
    process.kill(run, 0);
  } catch {
    server.kill('SIGKILL');
  }
}, 500);

server.on('exit', () => {
  clearInterval(look);
  rmSync(directory, { recursive: true, force: true });
});
