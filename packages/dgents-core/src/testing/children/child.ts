/** Processes of their own that do a job on the subject, and can be killed: the parent's side. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { isAbsolute } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SubjectError } from '../support/verdicts.js';
import type { Job, Message } from './jobs.js';
import { jsonPathOf } from './json-path.js';

/** How long a child may take to tell what is awaited. Ten that start at once on two cores take some seconds. */
const PATIENCE_MS = 60_000;

/** What a child is made for: the module of the subject, and the place. */
export interface Home {
  readonly subject: { readonly importFrom?: string | URL };
  readonly place: unknown;
}

/** Starts a child on a job. */
export type Start = (job: Job) => Child;

/** Children end with the work they were started for, whatever happens to it. */
export async function withChildren<T>(home: Home, work: (start: Start) => Promise<T>): Promise<T> {
  const children: Child[] = [];
  const start: Start = (job) => {
    const child = new Child(home, job);
    children.push(child);
    living.add(child);
    return child;
  };
  try {
    return await work(start);
  } finally {
    for (const child of children) {
      child.kill();
      living.delete(child);
    }
    await Promise.all(children.map(({ ended }) => ended));
  }
}

/** Those of every fact, for a run that is ended before its facts are. */
const living = new Set<Child>();

/** Kills them all. */
export function endChildren(): void {
  for (const child of living) child.kill();
}

/** Starts several on the same job, lets them begin at the same moment, and gives what each told in the end. */
export function together(home: Home, jobs: readonly Job[], result: string): Promise<readonly unknown[]> {
  return withChildren(home, async (start) => {
    const children = jobs.map(start);
    await Promise.all(children.map((child) => child.heard('ready')));
    for (const child of children) child.tell('go');
    return Promise.all(children.map((child) => child.heard(result)));
  });
}

/** One does a job from beginning to end, and is over when what it told is given. */
export function alone(home: Home, job: Job, result: string): Promise<unknown> {
  return withChildren(home, async (start) => {
    const child = start(job);
    await child.heard('ready');
    child.tell('go');
    const told = await child.heard(result);
    await child.endsWell();
    return told;
  });
}

/** The child of this job ends by itself once it has told the result: nothing that it left open holds it. */
export function endsByItself(home: Home, job: Job, result: string): Promise<void> {
  return withChildren(home, async (start) => {
    const child = start(job);
    await child.heard(result);
    await child.endsWell();
  });
}

/** How long a process may take to end that has nothing left to do. */
const LINGERING_MS = 15_000;

export class Child {
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly messages: Message[] = [];
  readonly #process: ChildProcess;
  /** What it wrote to stderr. */
  complaints = '';
  #isOver = false;
  #listeners: (() => void)[] = [];

  constructor({ subject, place }: Home, job: Job) {
    const given = { module: moduleUrl(subject.importFrom), place: checkedPlace(place) };
    this.#process = spawn(process.execPath, [workerPath(), JSON.stringify({ given, job })], {
      stdio: 'pipe',
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#hear(line));
    this.#process.stderr?.on('data', (data) => {
      this.complaints += data;
    });
    // Killed before it listened.
    this.#process.stdin?.on('error', () => undefined);
    this.ended = Promise.all([once(this.#process, 'exit'), once(lines, 'close')]).then(([[code, signal]]) => {
      this.#isOver = true;
      this.#wake();
      return { code, signal };
    });
  }

  /** What it told last under this name; undefined when nothing. */
  last(name: string): unknown {
    return this.messages.findLast((message) => name in message)?.[name];
  }

  /** What it tells first under this name; fails when it fails, ends or is silent instead. */
  async heard(name: string): Promise<unknown> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.messages.find((message) => name in message);
      if (found !== undefined) return found[name];
      const failed = this.last('failed');
      if (failed !== undefined) assert.fail(`a process of its own failed: ${failed}`);
      if (this.#isOver) assert.fail(`a process of its own ended without { ${name} }: ${this.complaints}`);
      const left = until - performance.now();
      if (left <= 0) assert.fail(`a process of its own has not told { ${name} } within ${PATIENCE_MS} ms`);
      await this.#news(left);
    }
  }

  /** Waits until it is over, and fails unless it has killed itself or was killed; what it told of a failure comes first. */
  async died(): Promise<void> {
    const end = await this.#endWithin(PATIENCE_MS);
    const failed = this.last('failed');
    if (failed !== undefined) assert.fail(`a writer in a process of its own failed: ${failed}`);
    if (end === undefined) {
      assert.fail(`a writer has not come to where it was to be killed within ${PATIENCE_MS} ms`);
    }
    if (end.signal !== 'SIGKILL') {
      assert.fail(`a writer that was to be killed ended by itself with ${end.code}: ${this.complaints}`);
    }
  }

  /** Waits until it has ended by itself, as a process does that has done its work. */
  async endsWell(): Promise<void> {
    const end = await this.#endWithin(LINGERING_MS);
    if (end === undefined) {
      assert.fail(`a process with nothing left to do is still there after ${LINGERING_MS} ms`);
    }
    assert.deepEqual(
      [end.code, end.signal],
      [0, null],
      `a process with nothing left to do died: ${this.complaints}`,
    );
  }

  async #endWithin(patienceMs: number): Promise<Awaited<Child['ended']> | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patienceMs);
    });
    const end = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    return end;
  }

  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #hear(line: string): void {
    try {
      this.messages.push(JSON.parse(line));
    } catch {
      // Cut off by the kill: what was not told whole was not acknowledged to us.
      return;
    }
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }

  #news(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#listeners.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Compiled beside this file; where the kit's own TypeScript is running (in our tests), its twin in `dist`. */
function workerPath(): string {
  const here = import.meta.url;
  const worker = here.endsWith('.ts') ? '../../../dist/testing/children/worker.js' : './worker.js';
  return fileURLToPath(new URL(worker, here));
}

/** A URL, whatever was handed in: an absolute path, a URL or its text. */
function moduleUrl(module: string | URL | undefined): string {
  if (module === undefined) throw new SubjectError('A process of its own needs `importFrom`.');
  if (typeof module !== 'string') return module.href;
  if (/^(file|data|node):/.test(module)) return module;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  throw new SubjectError(
    `\`importFrom\` is ${JSON.stringify(module)}: give an absolute path or a file: URL.`,
  );
}

function checkedPlace(place: unknown): unknown {
  const path = jsonPathOf(place);
  if (path === undefined) return place;
  throw new SubjectError(
    `A process of its own cannot be told where to go: ${path} does not survive JSON. ` +
      'Let `create` give plain JSON, such as a path or a prefix, where there is `importFrom`.',
  );
}
