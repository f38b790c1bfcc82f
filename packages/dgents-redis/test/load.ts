/** The worker `load.mjs`, and what has to be true of what it tells in the end. */
import { join } from 'node:path';
import { Worker } from '../../dgents-core/test/child.js';

export function startWorker(script: string, settings: object): Worker {
  return new Worker(join(__dirname, 'workers', script), settings);
}

export interface Load {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly final: number;
  readonly failures: Record<string, { times: number; message: string }>;
  readonly slowestMs: number;
}

/** Much longer than anything takes, and shorter than the patience of jest, which would say nothing. */
const SILENCE_MS = 30_000;

/** Waits until so many updates more are acknowledged. */
export async function acknowledged(worker: Worker, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await heard(worker, 'ok');
}

export async function heard(worker: Worker, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const last = JSON.stringify(worker.messages.slice(-5));
      reject(new TypeError(`No "${name}" for ${SILENCE_MS} ms; the last it told: ${last}`));
    }, SILENCE_MS);
  });
  try {
    const message = await Promise.race([worker.next(name), silence]);
    if (message === undefined) throw new TypeError(`The worker ended: ${worker.complaints}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets it stop, load what is there, and end by itself: anything that nobody handles would have ended it otherwise. */
export async function stopped(worker: Worker): Promise<Load> {
  worker.tell('stop');
  return ended(worker);
}

export async function ended(worker: Worker): Promise<Load> {
  const end = await worker.ended;
  expect([end, worker.complaints]).toEqual([{ code: 0, signal: null }, '']);
  return worker.last('done')?.['done'] as Load;
}

/** What was acknowledged is there, what was refused is not, and of the rest each happened at most once. */
export function expectNothingLost({ acknowledged, unknown, final }: Load): void {
  const between = `${acknowledged} acknowledged, ${unknown} unknown, ${final} kept`;
  expect([between, final >= acknowledged && final <= acknowledged + unknown]).toEqual([between, true]);
}
