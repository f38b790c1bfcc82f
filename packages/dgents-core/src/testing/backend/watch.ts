import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { Backend, Head } from '../../backend.js';
import { expired, SHORT_MS } from '../support/expiry.js';
import { patient } from '../support/patience.js';
import { all, appendOf, commitOne, grow, record } from '../support/records.js';
import { assertEndsAtOnce, DUE_MS, isOpen, Listener, nextOf } from '../support/streams.js';
import { assertWaitsWithoutLimit } from '../support/without-limit.js';
import { backendSuite } from './suite.js';

export const watch = backendSuite(
  'watch',
  ['capabilities', 'keys', 'history', 'versions', 'operations'],
  (fact, { claims }) => {
    if (!claims.watch) {
      fact('watch is not claimed: the method is absent', async ({ backend }) => {
        assert.equal(backend.watch, undefined);
      });
      return;
    }

    fact('a watcher of an absent key hears that its log begins, and grows', async ({ backend }) => {
      const watcher = await listenTo(backend, 'k');
      await assertHearsLast(watcher, backend, 'k');
      await watcher.stop();
    });

    fact('a watcher hears of what another handle writes', async ({ backend, open }) => {
      const other = await open();
      const watcher = await listenTo(backend, 'k', other);
      await assertHearsLast(watcher, other, 'k');
      await watcher.stop();
    });

    fact('a watcher hears of the last change of a burst, however slowly it listens', async ({ backend }) => {
      const watching = backend.watch!('k')[Symbol.asyncIterator]();
      const next = nextOf(watching);
      await knock(backend, 'k', next);
      const last = await burst(backend, 'k', 25);
      // A hint may be one of many, and old; the newest one has to come.
      for (
        let hint = await nextOf(watching);
        ;
        hint = await nextOf(watching, 'the hint of the last change')
      ) {
        assert.notEqual(hint.done, true, 'a watch goes on');
        if ((hint.value as Head).version === last.version) break;
      }
      await watching.return?.();
    });

    fact('a deletion is a change too', async ({ backend }) => {
      const watcher = await listenTo(backend, 'k');
      const { head } = await backend.read('k');
      const grave = record(head!.version + 1, 'tombstone');
      await commitOne(backend, appendOf('k', head, grave));
      await watcher.until(
        (heard) => heard.some(({ id, deleted }) => id === grave.id && deleted),
        'the deletion',
      );
      await watcher.stop();
    });

    fact('a hint is a head of the key that is watched, never of another', async ({ backend, open }) => {
      const watcher = await listenTo(backend, 'k');
      const other = await open();
      for (const key of ['k1', 'K', 'k/', ' k', 'other']) await burst(other, key, 3);
      await assertHearsLast(watcher, other, 'k');
      await watcher.stop();
      const written = new Set((await all(backend.range('k'))).map(({ version, id }) => `${version} ${id}`));
      const foreign = watcher.heard.filter(({ version, id }) => !written.has(`${version} ${id}`));
      assert.deepEqual(foreign, [], 'every hint is a version of the log');
    });

    fact('a watcher hears of a key of whatever length and letters', async ({ backend }) => {
      const { keyBytes } = (await backend.ready()).limits;
      const keys = ['user:42', 'É', ' k ', 'x\0y', '\ud800', `'"$1`, 'k'.repeat(100), 'é'.repeat(150)].filter(
        (key) => Buffer.byteLength(key) <= keyBytes,
      );
      const watchers = await Promise.all(keys.map((key) => listenTo(backend, key)));
      for (const [i, key] of keys.entries()) await assertHearsLast(watchers[i]!, backend, key);
      await Promise.all(watchers.map((each) => each.stop()));
    });

    fact('every append of a commit is announced', async ({ backend }) => {
      const keys = ['b', 'a', 'c'];
      const watchers = await Promise.all(keys.map((key) => listenTo(backend, key)));
      const appends = await Promise.all(
        keys.map(async (key) => {
          const { head } = await backend.read(key);
          return appendOf(key, head, record(head!.version + 1));
        }),
      );
      for (const { ok } of await backend.commit(appends)) assert.ok(ok);
      for (const [i, { key, records }] of appends.entries()) {
        await watchers[i]!.until(
          (heard) => heard.some(({ id }) => id === records[0]!.id),
          `the append to ${key}`,
        );
      }
      await Promise.all(watchers.map((each) => each.stop()));
    });

    fact('a watch waits for what is yet to come without limit, whatever its timeoutMs', ({ backend }) =>
      assertWaitsWithoutLimit(
        (timeoutMs) => backend.watch!('k', { timeoutMs }),
        (answer) => knock(backend, 'k', answer),
      ),
    );

    if (claims.ttl) {
      fact('a watcher hears of the log that begins after one whose time has run out', async (bench) => {
        const { backend } = bench;
        await grow(backend, 'beside', ['set']);
        const watcher = await listenTo(backend, 'k');
        const { head } = await backend.read('k');
        const last = record(head!.version + 1);
        await commitOne(backend, { ...appendOf('k', head, last), ttlMs: SHORT_MS });
        await watcher.until((heard) => heard.some(({ id }) => id === last.id), 'the last change');
        if (!(await expired(bench, 'k', 'beside'))) return;
        const first = record(1);
        const { ok } = await commitOne(backend, appendOf('k', null, first));
        if (!ok) return;
        await watcher.until((heard) => heard.some(({ id }) => id === first.id), 'the log that begins anew');
        await watcher.stop();
      });
    }

    fact('many watchers of one key and of many hear each of their own', async ({ backend }) => {
      const keys = Array.from({ length: 40 }, (_, i) => (i < 20 ? 'k' : `k${i}`));
      const watchers = await Promise.all(keys.map((key) => listenTo(backend, key)));
      for (const key of new Set(keys)) await burst(backend, key, 2);
      const heads = await Promise.all(keys.map(async (key) => (await backend.read(key)).head!));
      await Promise.all(
        watchers.map((each, i) =>
          each.until((heard) => heard.some(({ id }) => id === heads[i]!.id), keys[i]!),
        ),
      );
      await Promise.all(watchers.map((each) => each.stop()));
    });

    fact('a watch ends at once when it is returned, aborted, or its backend closed', (bench) =>
      assertEndsAtOnce(bench, (backend, signal) => backend.watch!('k', signal && { signal })),
    );

    fact('who stops watching, or closes a handle, does not stop the others', async ({ backend, open }) => {
      const other = await open();
      const staying = await listenTo(backend, 'k');
      const going = await listenTo(backend, 'k');
      await listenTo(other, 'k', backend);
      await going.stop();
      await other.close();
      // A close that closes too much is told by the facts of `lifecycle`.
      if (!(await isAtWork(backend))) return;
      await assertHearsLast(staying, backend, 'k');
      await staying.stop();
    });

    fact('watchers that come and go leave no listener on the signal, and no timer', async ({ backend }) => {
      const { signal } = new AbortController();
      const counts = () => [getEventListeners(signal, 'abort').length, timers()] as const;
      await grow(backend, 'k', ['set']);
      const [, timersBefore] = counts();
      for (let i = 0; i < 100; i++) {
        const watching = backend.watch!('k', { signal })[Symbol.asyncIterator]();
        const next = watching.next();
        await watching.return?.();
        await next;
      }
      const [listeners, timersAfter] = await quiet(
        () => counts(),
        ([on]) => on === 0,
      );
      assert.equal(listeners, 0, 'listeners on the signal');
      assert.ok(timersAfter <= timersBefore + 10, `${timersAfter - timersBefore} timers are left`);
    });
  },
);

/** Whether the handle still reads and writes. */
function isAtWork(backend: Backend): Promise<boolean> {
  return grow(backend, 'beside', ['set']).then(
    () => isOpen(backend),
    () => false,
  );
}

/** A watcher that has begun: it was heard from. */
async function listenTo(backend: Backend, key: string, writer = backend): Promise<Listener<Head>> {
  const listener = new Listener(backend.watch!(key));
  const begun = listener.until((heard) => heard.length > 0, `a change of ${key}`);
  await knock(writer, key, begun);
  return listener;
}

/** Writes until the answer comes: a watch may take a moment to begin. */
async function knock(writer: Backend, key: string, answer: Promise<unknown>): Promise<void> {
  let over = false;
  const settled = answer.finally(() => {
    over = true;
  });
  // Whatever goes wrong is told by the await below.
  settled.catch(() => undefined);
  const deadline = performance.now() + patient(DUE_MS);
  for (let i = 0; !over && performance.now() < deadline; i++) {
    await burst(writer, key, 1);
    await new Promise((resolve) => setTimeout(resolve, Math.min(i, 100)));
  }
  await settled;
}

/** So many appends, one after the other; gives the last head. Others may be knocking at the same key. */
async function burst(writer: Backend, key: string, count: number): Promise<Head> {
  let { head } = await writer.read(key);
  for (let written = 0; written < count; ) {
    const result = await commitOne(writer, appendOf(key, head, record((head?.version ?? 0) + 1)));
    head = result.head;
    if (result.ok) written++;
  }
  return head!;
}

async function assertHearsLast(watcher: Listener<Head>, writer: Backend, key: string): Promise<void> {
  const { id } = await burst(writer, key, 5);
  await watcher.until((heard) => heard.some((hint) => hint.id === id), `the last change of ${key}`);
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

/** What is counted, once it is as wanted or has had its time. */
async function quiet<T>(count: () => T, isQuiet: (value: T) => boolean): Promise<T> {
  for (let i = 0; i < 100 && !isQuiet(count()); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  return count();
}
