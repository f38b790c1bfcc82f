/** What the worker `load.mjs` tells in the end, and what has to be true of it. */
import { join } from 'node:path';
import { type Message, Worker } from '../../dgents-core/test/child.js';

const WORKERS = join(__dirname, 'workers');

export function startWorker(script: string, settings: object): Worker {
  return new Worker(join(WORKERS, script), settings);
}

export interface Load {
  readonly counts: Record<string, { acknowledged: number; unknown: number }>;
  readonly final: Record<string, number>;
  readonly failures: Record<string, { times: number; message: string }>;
  readonly slowestMs: number;
}

/** Waits until so many updates more are acknowledged. */
export async function acknowledged(worker: Worker, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await heard(worker, 'ok');
}

/** Much longer than anything takes, and shorter than the patience of jest, which would say nothing. */
const SILENCE_MS = 45_000;

/** The next message of this kind. */
export async function heard(worker: Worker, name: string): Promise<Message> {
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
    return message;
  } finally {
    clearTimeout(timer);
  }
}

/** Lets it stop, load what is there, and end by itself. */
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
export function expectNothingLost({ counts, final }: Load): void {
  for (const [key, { acknowledged, unknown }] of Object.entries(counts)) {
    const kept = final[key] as number;
    const between = `${acknowledged} acknowledged, ${unknown} unknown, ${kept} kept of ${key}`;
    expect([between, kept >= acknowledged && kept <= acknowledged + unknown]).toEqual([between, true]);
  }
}

export const totalOf = ({ counts }: Load): number =>
  Object.values(counts).reduce((sum, each) => sum + each.acknowledged, 0);
