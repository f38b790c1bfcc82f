/** Answers that a backend may give to many: entries of the feed, and the map of what was found. */
import assert from 'node:assert/strict';
import type { Backend, FeedEntry } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import type { GivenBackend } from '../../subject.js';
import { grow, plain } from '../../support/records.js';

/** What does not come by then is the matter of the suite `feed`. */
const FEED_MS = 500;

export function stateAnswers(
  fact: Facts<BackendBench>,
  { claims }: GivenBackend,
  spoil: (object: unknown) => void,
): void {
  if (claims.find) {
    fact('what was found is the caller’s: changing the map changes no later answer', async ({ backend }) => {
      const [first, second] = await grow(backend, 'k', ['set', 'patch']);
      const ids = [first!.id, second!.id];
      const found = async () => [...(await backend.find!('k', ids))].sort();
      const before = await found();
      for (const change of [
        (map: Map<string, number>) => map.set(ids[0]!, 99),
        (map: Map<string, number>) => map.set('of another', 1),
        (map: Map<string, number>) => map.clear(),
      ]) {
        const answer = (await backend.find!('k', ids)) as Map<string, number>;
        try {
          change(answer);
        } catch {
          // Refusing to be changed is as good as being a copy.
        }
        assert.deepEqual(await found(), before);
      }
    });
  }

  if (claims.feed !== false && !claims.values) {
    fact('entries of the feed are the caller’s, their meta at every depth', async ({ backend }) => {
      await grow(backend, 'k', [{ kind: 'set', meta: { by: 'one', deep: { list: [1, { a: 1 }] } } }]);
      const first = await firstEntry(backend);
      if (first === undefined) return;
      const before = shown(first);
      spoil(first);
      const again = await firstEntry(backend);
      assert.equal(again && shown(again), before);
    });
  }
}

function shown(entry: FeedEntry): string {
  return JSON.stringify([entry.key, entry.position, 'record' in entry ? plain(entry.record) : entry.trimmed]);
}

/** The first entry of the feed, if it comes. */
async function firstEntry(backend: Backend): Promise<FeedEntry | undefined> {
  const iterator = backend.feed!(undefined, { limit: 1 })[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  const nothing = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, FEED_MS, undefined);
  });
  const step = await Promise.race([iterator.next(), nothing]).finally(() => clearTimeout(timer));
  iterator.return?.().catch(() => undefined);
  return step?.done === false ? step.value : undefined;
}
