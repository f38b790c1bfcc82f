/** Child processes of the crash tests: plain scripts in `workers/` that run the built package. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const WORKERS = join(__dirname, 'workers');

/** A line that a worker told. */
// biome-ignore lint/suspicious/noExplicitAny: each worker tells something else, and every test looks at what it expects.
export type Message = Record<string, any>;

export class Worker {
  readonly process: ChildProcess;
  readonly messages: Message[] = [];
  /** What it wrote to stderr: warnings, or why it died. */
  complaints = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #waiting: { readonly name: string; readonly resolve: (message: Message | undefined) => void }[] = [];

  /**
   * @param script in `workers/`, or an absolute path
   * @param prefix a command to start it through, such as a shell with limits
   */
  constructor(script: string, settings: object, prefix: readonly string[] = []) {
    const command = [...prefix, process.execPath, resolve(WORKERS, script), JSON.stringify(settings)];
    this.process = spawn(command[0] as string, command.slice(1), { stdio: 'pipe' });
    const lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#hear(line));
    this.process.stderr?.on('data', (data) => {
      this.complaints += data;
    });
    this.process.stdin?.on('error', () => undefined); // Killed before it listened.
    this.ended = Promise.all([once(this.process, 'exit'), once(lines, 'close')]).then(([[code, signal]]) => {
      for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
      return { code, signal };
    });
  }

  /** The newest message that has this field. */
  last(name: string): Message | undefined {
    return this.messages.findLast((message) => name in message);
  }

  /** The first message with this field, once it is there; undefined when the worker ends without it. */
  heard(name: string): Promise<Message | undefined> {
    const found = this.messages.find((message) => name in message);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ name, resolve }));
  }

  /** The next message with this field, not counting those that are there; undefined when the worker ends without it. */
  next(name: string): Promise<Message | undefined> {
    return new Promise((resolve) => this.#waiting.push({ name, resolve }));
  }

  tell(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.process.kill(signal);
  }

  #hear(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line);
    } catch {
      return; // Cut off by the kill: what was not told whole was not acknowledged to us.
    }
    this.messages.push(message);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ name }) => !(name in message));
    for (const { name, resolve } of waiting) if (name in message) resolve(message);
  }
}

/** Numbers that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** DGENTS_TEST_SEED, to play a failure again, or a new one. */
export const SEED = Number(process.env.DGENTS_TEST_SEED ?? Math.trunc(Math.random() * 2 ** 31));

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
