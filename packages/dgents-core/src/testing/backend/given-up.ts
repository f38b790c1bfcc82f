/** The facts of `errors` about commits that were given up: out of time, or aborted. */
import assert from 'node:assert/strict';
import type { CommitOptions } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import type { Facts } from '../kit.js';
import { like } from '../support/assertions.js';
import { saysNothingWasWritten } from '../support/doubt.js';
import { appendOf, commitOne, record } from '../support/records.js';

/** After which what was sent has arrived, or is late indeed. */
const ARRIVAL_MS = 100;

export function stateGivenUp(fact: Facts<BackendBench>): void {
  fact(
    'a commit that ran out of time and is said to have failed was not written, nor is it later',
    async (bench) => {
      const limits = [0.01, 1, 2, 5, 10, 20];
      await Promise.all(
        limits.map((timeoutMs) => assertHonest(bench, `after ${timeoutMs} ms`, { timeoutMs })),
      );
      for (const timeoutMs of limits) await assertHonest(bench, `alone after ${timeoutMs} ms`, { timeoutMs });
    },
  );

  fact(
    'a commit that was aborted and is said to have failed was not written, nor is it later',
    async (bench) => {
      const attempt = async (count: number, kind: 'microtasks' | 'turns'): Promise<void> => {
        const controller = new AbortController();
        const { signal } = controller;
        const honest = assertHonest(bench, `aborted after ${count} ${kind}`, { signal });
        const abort = async (): Promise<void> => {
          for (let i = 0; i < count; i++) await (kind === 'turns' ? new Promise(setImmediate) : undefined);
          controller.abort();
        };
        await Promise.all([honest, abort()]);
      };
      const counts = [0, 1, 2, 5, 10, 50];
      await Promise.all(counts.flatMap((count) => [attempt(count, 'microtasks'), attempt(count, 'turns')]));
    },
  );
}

/** Point 4 of the port, whatever becomes of the commit. */
async function assertHonest({ backend }: BackendBench, key: string, options: CommitOptions): Promise<void> {
  const append = appendOf(key, null, record(1), record(2, 'patch'));
  let error: unknown;
  try {
    await backend.commit([append], options);
    return;
  } catch (thrown) {
    error = thrown;
  }
  if (!saysNothingWasWritten(error)) return;
  const said = `${key} it was said: ${(error as Error).message}`;
  assert.equal((await backend.read(key)).head, null, `${said}, and it is there`);
  await new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));
  assert.equal((await backend.read(key)).head, null, `${said}, and it came later`);
  like(await commitOne(backend, append), { ok: true, replayed: false }, `${said}, and it is sent again`);
}
