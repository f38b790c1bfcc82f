import { type Call, type CommitResult, DgentsError, StorageTimeoutError } from 'dgents-core';
import type { Commits, Draft } from './commits.js';
import type { Limits } from './executor.js';

/** Appends that wait for the same statement. */
const MAX_GROUP = 256;

/** What weighs more goes alone: large texts are slow in arrays. */
const LARGE = 32_768;

/** How many statements may be under way: one that waits for a lock must not stop all others. */
const LANES = 2;

interface Request {
  readonly draft: Draft;
  readonly call: Call;
  readonly deadline: number;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (reason: unknown) => void;
}

/** Sends what comes in one turn together, and what comes while it is under way together after it. */
export class CommitQueue {
  readonly #commits: Commits;
  #waiting: Request[] = [];
  #lanes = 0;
  #gathering = false;

  constructor(commits: Commits) {
    this.#commits = commits;
  }

  add(draft: Draft, call: Call, timeoutMs = Number.POSITIVE_INFINITY): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ draft, call, deadline: performance.now() + timeoutMs, resolve, reject });
      this.#gather();
    });
  }

  /** Agents that write at the same time come here one after the other, before anything else can happen. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    queueMicrotask(() => {
      this.#gathering = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#lanes < LANES) {
      const group = this.#take();
      if (group.length === 0) return;
      this.#lanes++;
      void this.#send(group).finally(() => {
        this.#lanes--;
        this.#pump();
      });
    }
  }

  /** Of each key one: its appends follow one another. */
  #take(): Request[] {
    const group: Request[] = [];
    const rest: Request[] = [];
    const keys = new Set<string>();
    for (const request of this.#waiting) {
      if (request.call.over) request.reject(tooLate(request.draft.append.key));
      else if (keys.has(request.draft.key) || !fits(group, request)) rest.push(request);
      else {
        keys.add(request.draft.key);
        group.push(request);
      }
    }
    this.#waiting = rest;
    return group;
  }

  async #send(group: readonly Request[]): Promise<void> {
    const left = Math.max(...group.map(({ deadline }) => deadline)) - performance.now();
    const limits = {
      ...(Number.isFinite(left) && { timeoutMs: Math.max(1, left) }),
      ...sendingFor(group.map(({ call, draft }) => ({ call, key: draft.append.key }))),
    };
    try {
      const results = await this.#commits.many(
        group.map(({ draft }) => draft),
        limits,
      );
      for (const [i, { resolve, reject }] of group.entries()) {
        const result = results[i] as PromiseSettledResult<CommitResult>;
        if (result.status === 'fulfilled') resolve(result.value);
        else reject(result.reason);
      }
    } catch (error) {
      if (group.length === 1) group[0]!.reject(error);
      else await this.#singly(group, DgentsError.is(error, 'DGENTS_OUTCOME_UNKNOWN') ? error : undefined);
    }
  }

  /**
   * What failed together may be one's fault, or nobody's: each is asked for by itself, under its own id.
   *
   * @param doubt set where it is not known whether they were made together
   */
  async #singly(group: readonly Request[], doubt: unknown): Promise<void> {
    await Promise.all(
      group.map(async ({ draft, deadline, resolve, reject }) => {
        const left = deadline - performance.now();
        const limits = Number.isFinite(left) ? { timeoutMs: Math.max(1, left) } : {};
        await this.#commits.one(draft, limits, doubt).then(resolve, reject);
      }),
    );
  }
}

function fits(group: readonly Request[], { draft }: Request): boolean {
  if (group.length === 0) return true;
  return group.length < MAX_GROUP && draft.bytes <= LARGE && group[0]!.draft.bytes <= LARGE;
}

function tooLate(key: string): StorageTimeoutError {
  return new StorageTimeoutError('The deadline has passed.', { key, timeoutMs: 0 });
}

/**
 * Until there is a connection nothing is sent, and a call that is over by then need not be in doubt: so it is for one
 * by itself. Of several some may be over while others wait on, and all are sent: they are in doubt from now on.
 */
export function sendingFor(
  calls: readonly { readonly call: Call; readonly key: string }[],
): Pick<Limits, 'sending'> {
  const [only] = calls;
  if (only === undefined || calls.length > 1) {
    for (const { call } of calls) call.sent = true;
    return {};
  }
  const { call, key } = only;
  return {
    sending: () => {
      if (call.over && !call.sent) throw tooLate(key);
      call.sent = true;
    },
  };
}
