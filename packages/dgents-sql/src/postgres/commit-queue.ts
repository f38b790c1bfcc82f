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
      if (request.call.over) request.reject(new StorageTimeoutError(...tooLate(request.draft.append.key)));
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
      ...limited(left),
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
      // Nothing was sent: those that are not over go again, without those that are.
      if (error instanceof SomeAreOver) this.#waiting.unshift(...group);
      else if (group.length === 1) group[0]!.reject(error);
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
      group.map(async ({ draft, call, deadline, resolve, reject }) => {
        const sending = sendingFor([{ call, key: draft.append.key }]);
        const limits = { ...limited(deadline - performance.now()), ...sending };
        await this.#commits.one(draft, limits, doubt).then(resolve, reject);
      }),
    );
  }
}

function fits(group: readonly Request[], { draft }: Request): boolean {
  if (group.length === 0) return true;
  return group.length < MAX_GROUP && draft.bytes <= LARGE && group[0]!.draft.bytes <= LARGE;
}

function tooLate(key: string): ConstructorParameters<typeof StorageTimeoutError> {
  return ['The deadline has passed.', { key, timeoutMs: 0 }];
}

/** Some of a group were over before it could be sent. */
class SomeAreOver extends StorageTimeoutError {}

function limited(left: number): Limits {
  return Number.isFinite(left) ? { timeoutMs: Math.max(1, left) } : {};
}

/**
 * Until there is a connection nothing is sent, and a call that is over by then is not in doubt: it is never sent. Of
 * several, one that is over keeps all from being sent together.
 */
export function sendingFor(
  calls: readonly { readonly call: Call; readonly key: string }[],
): Pick<Limits, 'sending'> {
  return {
    sending: () => {
      const late = calls.find(({ call }) => call.over && !call.sent);
      if (late !== undefined)
        throw new (calls.length === 1 ? StorageTimeoutError : SomeAreOver)(...tooLate(late.key));
      for (const { call } of calls) call.sent = true;
    },
  };
}
