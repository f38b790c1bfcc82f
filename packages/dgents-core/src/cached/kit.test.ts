/** The whole kit around a cache that holds as long as it can. Each write is told to the caches of all other handles. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataAgent, DeleteOptions, SaveOptions, UpdateOptions, Versioned } from '../data-agent.js';
import { PersistentAgent } from '../file/persistent-agent.js';
import { describeDataAgent, describeWrapper } from '../testing/index.js';
import { CachedAgent, type CachedAgentOptions } from './index.js';

/** What is lost is told by calls too. */
const later = { mode: 'write-behind', flushMs: 5, onError: () => undefined } as const;

const caches = new Set<CachedAgent<unknown>>();

/** Drops what the others hold once it has written. */
class Telling extends CachedAgent<unknown> {
  constructor(inner: DataAgent<unknown>, options: CachedAgentOptions<unknown> = {}) {
    super(inner, { ...options, maxAgeMs: Number.POSITIVE_INFINITY });
    caches.add(this);
  }

  private tell<T>(write: Promise<T>): Promise<T> {
    return write.finally(() => {
      for (const cache of caches) if (cache !== this) cache.invalidate();
    });
  }

  override save(state: unknown, options?: SaveOptions): Promise<number> {
    return this.tell(super.save(state, options));
  }

  override update(change: (draft: unknown) => unknown, options?: UpdateOptions): Promise<Versioned<unknown>> {
    return this.tell(super.update(change, options));
  }

  override delete(options?: DeleteOptions): Promise<boolean> {
    return this.tell(super.delete(options));
  }

  override close(): Promise<void> {
    caches.delete(this);
    return this.tell(super.close());
  }
}

describeWrapper({
  describe,
  test,
  name: 'a cache',
  claims: { reads: 'cached' },
  wrap: (inner) => new Telling(inner),
});

describeWrapper({
  describe,
  test,
  name: 'a cache that writes later',
  claims: { reads: 'cached', durability: 'none', conflicts: 'deferred' },
  wrap: (inner) => new Telling(inner, later),
});

describeDataAgent({
  describe,
  test,
  name: 'a cache around a file',
  importFrom: new URL('../../test/subjects/cached-file.mjs', import.meta.url),
  claims: { durability: 'power', sharing: 'host' },
  create: () => mkdtempSync(join(tmpdir(), 'dgents-cached-')),
  open: (place, { key, ...options }) => {
    const name = createHash('sha256').update(key, 'utf16le').digest('hex');
    return new Telling(new PersistentAgent<unknown>({ ...options, path: join(place, `${name}.jsonl`) }));
  },
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
});

describeDataAgent({
  describe,
  test,
  name: 'a cache around a file that writes later',
  importFrom: new URL('../../test/subjects/write-behind-file.mjs', import.meta.url),
  claims: { durability: 'none', sharing: 'host', conflicts: 'deferred' },
  create: () => mkdtempSync(join(tmpdir(), 'dgents-write-behind-')),
  open: (place, { key, ...options }) => {
    const name = createHash('sha256').update(key, 'utf16le').digest('hex');
    const inner = new PersistentAgent<unknown>({ ...options, path: join(place, `${name}.jsonl`) });
    return new CachedAgent(inner, { ...later, maxPending: 20, maxAgeMs: 0 });
  },
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
});
