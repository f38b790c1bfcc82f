/** The parent of the child process: starts it, kills it half way, starts it again. */
import { fork } from 'node:child_process';
import type { Message } from './worker.js';

/** The first argument that makes this program the child. */
export const WORKER = 'read-on';

export interface Kill {
  /** Addresses read by the last message that the child got out. */
  readonly acknowledged: number;
  readonly pid: number;
}

export interface Run {
  /** How many addresses had been read before, in an earlier run on the same store. */
  readonly startedAt: number;
  /** Undefined when there was too little left to read for a half way. */
  readonly killed: Kill | undefined;
  /** Where the second process found itself: addresses read, and the version of the state. */
  readonly resumedAt: { readonly read: number; readonly version: number; readonly pid: number } | undefined;
  /** How long each address took, from its text to the acknowledgement that it is safe on disk. */
  readonly stepsMs: readonly number[];
}

export interface Watcher {
  read(count: number): void;
  killed(kill: Kill): void;
  resumed(at: { read: number; pid: number }): void;
}

export interface Work {
  readonly url: string;
  readonly total: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Lets a child read on, kills it when half of what was left is done, and lets another one finish. */
export async function readWithInterruption(work: Work, watcher: Watcher): Promise<Run> {
  const stepsMs: number[] = [];
  let startedAt = 0;
  let half = Number.POSITIVE_INFINITY;
  let kill: Kill | undefined;
  const end = await runChild(work, (message, child) => {
    if (message.kind === 'started') {
      startedAt = message.read;
      if (work.total - startedAt >= 2) half = startedAt + Math.floor((work.total - startedAt) / 2);
      return;
    }
    stepsMs.push(message.ms);
    watcher.read(message.read);
    if (message.read < half) return;
    kill = { acknowledged: message.read, pid: child.pid };
    child.kill(); // it has begun with the next address by now
  });
  if (kill === undefined || end !== 'SIGKILL')
    return { startedAt, killed: undefined, resumedAt: undefined, stepsMs };

  watcher.killed(kill);
  let resumedAt: Run['resumedAt'];
  await runChild(work, (message, child) => {
    if (message.kind === 'started') {
      resumedAt = { read: message.read, version: message.version, pid: child.pid };
      watcher.resumed(resumedAt);
      return;
    }
    stepsMs.push(message.ms);
    watcher.read(message.read);
  });
  return { startedAt, killed: kill, resumedAt, stepsMs };
}

interface Child {
  readonly pid: number;
  kill(): void;
}

/** The child could not do its work. It has said why, on standard error. */
export class WorkerError extends Error {}

/**
 * Runs this same program as the child, until it ends or is killed from here.
 * @returns the signal that ended it
 */
function runChild(
  work: Work,
  onMessage: (message: Message, child: Child) => void,
): Promise<NodeJS.Signals | null> {
  const main = process.argv[1] as string;
  const limit = String(Number.isFinite(work.limit) ? work.limit : '');
  const child = fork(main, [WORKER, work.url, limit], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const kill = () => void child.kill('SIGKILL');
  work.signal.addEventListener('abort', kill);
  return new Promise((resolve, reject) => {
    const handle: Child = { pid: child.pid ?? 0, kill };
    child.on('message', (message) => {
      if (!child.killed) onMessage(message as Message, handle);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      work.signal.removeEventListener('abort', kill);
      if (work.signal.aborted) reject(work.signal.reason);
      else if (code === 0 || child.killed) resolve(signal);
      else
        reject(
          new WorkerError(`The reading process ended with ${signal ?? `code ${code}`}; why is said above.`),
        );
    });
  });
}
