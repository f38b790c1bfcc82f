/** A Redis server of a test's own, to be killed, stopped and started again. Whoever starts it stops it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const BINARIES = ['redis-server', 'valkey-server'];

export function redisBinary(): string | undefined {
  return BINARIES.find((name) => spawnSync(name, ['--version']).status === 0);
}

/** Why no server can be started here; undefined when one can. */
export function ownRedisProblem(): string | undefined {
  if (process.platform === 'win32') return 'signals that stop a server are for Unix';
  return redisBinary() === undefined ? `neither ${BINARIES.join(' nor ')} is installed` : undefined;
}

export type Settings = Readonly<Record<string, string | number>>;

/** What is written survives the power, and nothing is dropped. */
export const DURABLE: Settings = { appendonly: 'yes', appendfsync: 'always' };

export class OwnRedis {
  readonly directory = mkdtempSync(join(tmpdir(), 'dgents-redis-'));
  readonly #settings: Settings;
  readonly #mode: string[];
  port = 0;
  #process: ChildProcess | undefined;

  private constructor(settings: Settings, mode: readonly string[]) {
    this.#settings = settings;
    this.#mode = [...mode];
  }

  /** A server that is empty, and running. */
  static async start(
    settings: Settings = {},
    port?: number,
    mode: readonly string[] = [],
  ): Promise<OwnRedis> {
    const server = new OwnRedis(settings, mode);
    try {
      server.port = port ?? (await freePort());
      await server.start();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  /** A Sentinel that alone decides on the failover of a master, called `main`. */
  static async startSentinel(masterPort: number): Promise<OwnRedis> {
    const sentinel = new OwnRedis({}, ['--sentinel']);
    try {
      sentinel.port = await freePort();
      const file = join(sentinel.directory, 'sentinel.conf');
      writeFileSync(
        file,
        `sentinel monitor main 127.0.0.1 ${masterPort} 1
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 3000
`,
      );
      sentinel.#mode.unshift(file);
      await sentinel.start();
      return sentinel;
    } catch (error) {
      await sentinel.remove();
      throw error;
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers, or is loading. */
  async start(more: Settings = {}): Promise<void> {
    const all = {
      port: this.port,
      bind: '127.0.0.1',
      dir: this.directory,
      save: '',
      ...this.#settings,
      ...more,
    };
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const started = spawn(redisBinary() as string, [...this.#mode, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = started;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      const hear = (data: Buffer) => {
        log += data;
        if (/Ready to accept connections|Sentinel ID is|Server initialized/.test(log)) resolve();
      };
      started.stdout?.on('data', hear);
      started.stderr?.on('data', hear);
      started.on('error', reject);
      started.on('exit', () => reject(new TypeError(`Redis did not start:\n${log}`)));
    });
  }

  /** Runs commands over a connection of its own. */
  async say(...command: (string | number)[]): Promise<unknown> {
    const client = new Redis(this.port, '127.0.0.1', { lazyConnect: true, retryStrategy: null });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const [name, ...args] = command;
      return await client.call(String(name), args);
    } finally {
      client.disconnect();
    }
  }

  /** SIGKILL ends it without writing anything more. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const main = this.#process;
    if (main?.pid === undefined || main.exitCode !== null || main.signalCode !== null) return;
    const gone = signal === 'SIGKILL' || signal === 'SIGTERM' ? once(main, 'exit') : undefined;
    main.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.signal('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
