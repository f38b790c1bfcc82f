import { resolve } from 'node:path';
import type { Append, Backend, Checkpoint, CommitResult, Head, LogRecord, LogTail } from 'dgents-core';
import * as dgents from 'dgents-core';
import { open, type RootDatabase } from 'lmdb';

type Lmdb = RootDatabase<string, Buffer>;

/** A log's head and floor, its records, and what the port calls base and checkpoint. */
type Kind = 'log' | 'record' | 'base' | 'checkpoint';

/** `l`, `r`, `b` or `c`, then the key; of a record, six bytes of version follow. */
function placeOf(kind: Kind, key: string, version?: number): Buffer {
  const suffix = Buffer.alloc(version === undefined ? 0 : 6);
  if (version !== undefined) suffix.writeUIntBE(version, 0, 6);
  return Buffer.concat([Buffer.from(kind.slice(0, 1)), dgents.bytesOfKey(key), suffix]);
}

async function openLmdb(path: string): Promise<Lmdb> {
  await dgents.makeDirectory(path);
  const options = { keyEncoding: 'binary', encoding: 'string', maxReaders: 4_096 } as const;
  const lmdb = open<string, Buffer>(path, { ...options, noSubdir: false, overlappingSync: false });
  await dgents.syncDirectory(path);
  return lmdb;
}

/** Keeps logs in an LMDB database. The guide's page "Writing a backend" builds it step by step. */
export class LmdbBackend implements Backend {
  readonly name = 'lmdb';
  readonly capabilities = dgents.claiming({
    durability: 'power',
    sharing: 'host',
    atomicity: 'store',
    orderedKeys: true,
    limits: { keyBytes: 960, recordBytes: 2 ** 27, recordsPerAppend: 10_000, appendsPerCommit: 1_000 },
  });
  readonly #path: string;
  readonly #database: dgents.EmbeddedDatabase<Lmdb>;

  constructor(path: string) {
    this.#path = resolve(path);
    this.#database = new dgents.EmbeddedDatabase<Lmdb>({
      location: this.#path,
      open: () => openLmdb(this.#path),
      transaction: (lmdb, work) => lmdb.transactionSync(work), // On the disk when it returns.
      close: (lmdb) => lmdb.close(),
    });
  }

  ready(): Promise<dgents.BackendCapabilities> {
    return this.#database.use('', () => this.capabilities);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #get<T>(lmdb: Lmdb, kind: Kind, key: string, version?: number): T | undefined {
    const text = lmdb.get(placeOf(kind, key, version));
    return text === undefined ? undefined : dgents.unsealed<T>(text, { key, location: this.#path });
  }

  #log(lmdb: Lmdb, key: string): dgents.LogView | undefined {
    const log = this.#get<{ head: Head; floor: number }>(lmdb, 'log', key);
    if (log === undefined) return undefined;
    const at = (version: number): LogRecord | Checkpoint | undefined => {
      if (version < log.floor || version > log.head.version) return undefined;
      const isBase = version === log.floor && version > 1;
      return isBase ? this.#get(lmdb, 'base', key) : this.#get(lmdb, 'record', key, version);
    };
    return { ...log, at, checkpoint: () => this.#get(lmdb, 'checkpoint', key) };
  }

  /** What is there now, also if another process has just written it. */
  #now<T>(key: string, work: (lmdb: Lmdb) => T): Promise<T> {
    return this.#database.use(key, (lmdb) => {
      lmdb.resetReadTxn();
      return work(lmdb);
    });
  }

  async read(key: string, options: dgents.ReadOptions = {}): Promise<LogTail> {
    dgents.checkRead(options);
    return this.#now(key, (lmdb) => dgents.tailOf(key, this.#log(lmdb, key), options));
  }

  async *range(key: string, options: dgents.RangeOptions = {}): AsyncGenerator<LogRecord> {
    dgents.checkLimit(options);
    yield* dgents.rangeOver(key, options, (work) => this.#now(key, (lmdb) => work(this.#log(lmdb, key))));
  }

  async commit(appends: readonly Append[], options: dgents.CommitOptions = {}): Promise<CommitResult[]> {
    dgents.checkCommit(this, appends, options);
    const drafts = appends.map((append) => ({ ...append, texts: append.records.map(dgents.sealedRecord) }));
    const change = (lmdb: Lmdb) => {
      const logOf = (key: string) => this.#log(lmdb, key);
      return dgents.decide(drafts, options, logOf, ({ key, records, texts }, log) => {
        for (const [i, { version }] of records.entries())
          lmdb.put(placeOf('record', key, version), texts[i]!);
        const head = dgents.headOf(records.at(-1)!);
        lmdb.put(placeOf('log', key), dgents.sealed({ head, floor: log?.floor ?? 1 }));
        return head;
      });
    };
    return this.#database.write(appends[0]?.key ?? '', change, appends[0]?.records[0]?.id);
  }

  async checkpoint(key: string, checkpoint: Checkpoint): Promise<void> {
    const text = dgents.sealedRecord(checkpoint);
    return this.#database.write(key, (lmdb) => {
      const found = this.#log(lmdb, key)?.at(checkpoint.version);
      if (found?.id === checkpoint.id && 'kind' in found) lmdb.put(placeOf('checkpoint', key), text);
    });
  }

  async trim(key: string, base: Checkpoint): Promise<void> {
    const text = dgents.sealedRecord(base);
    return this.#database.write(key, (lmdb) => {
      const log = this.#log(lmdb, key);
      if (!log || base.version <= log.floor || log.at(base.version)?.id !== base.id) return;
      lmdb.put(placeOf('base', key), text);
      lmdb.put(placeOf('log', key), dgents.sealed({ head: log.head, floor: base.version }));
      for (let old = log.floor; old <= base.version; old++) lmdb.remove(placeOf('record', key, old));
      lmdb.remove(placeOf('checkpoint', key));
    });
  }

  async *keys(prefix = '', options: dgents.BackendKeysOptions = {}): AsyncGenerator<dgents.KeyEntry> {
    dgents.checkLimit(options);
    const stem = placeOf('log', prefix);
    let after = placeOf('log', options.after ?? '');
    for (let left = options.limit ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      const start = Buffer.compare(after, stem) < 0 ? stem : after;
      // lmdb refuses to look for more bytes, and no place is as long.
      const next = { start: start.subarray(0, 1_978), exclusiveStart: start === after, limit: 1 };
      const [place] = await this.#now('', (lmdb) => [...lmdb.getKeys(next)]);
      if (place === undefined || !stem.equals(place.subarray(0, stem.length))) return;
      after = place;
      const key = dgents.keyOfBytes(place.subarray(1));
      const entry = () => this.#now(key, (lmdb) => ({ key, head: this.#log(lmdb, key)!.head }));
      yield options.heads ? await entry().catch(damaged(key)) : { key };
    }
  }
}

/** One that is damaged is listed without its head, and hides no other. */
const damaged = (key: string) => (error: unknown) => {
  if (dgents.DgentsError.is(error, 'DGENTS_STATE_CORRUPTION')) return { key };
  throw error;
};
