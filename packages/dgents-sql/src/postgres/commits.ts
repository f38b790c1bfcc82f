/** How appends are written: one by itself in one statement, several that come at once in one statement too. */
import {
  type Append,
  answerTo,
  type CommitResult,
  headOf,
  outcomeUnknown,
  WorkFailedError,
} from 'dgents-core';
import { keyOfText, textOfKey } from '../shared/key-text.js';
import { kindOf, schemaOf, type Values, valuesOf } from '../shared/rows.js';
import { isWorthAnotherTry, postgresError, serverRefused } from './errors.js';
import type { Executor, Limits, Query } from './executor.js';
import type { Within } from './joined.js';
import { type HeadColumns, KEEP_TTL, type Statements } from './statements.js';

/** Enough that two transactions that met do not meet again. */
const MAX_TRIES = 8;

export interface Draft {
  readonly append: Append;
  readonly key: string;
  readonly values: readonly Values[];
  /** The version of the last whole state in it; 0 where there is none. */
  readonly start: number;
  readonly bytes: number;
  /** What is then current, where documents are kept; its text is null where the state was deleted. */
  readonly document?: { readonly text: string | null; readonly schema: number };
}

/** Texts are made here, before anything is sent: that may run the writer's code. */
export function draftOf(append: Append): Draft {
  const values = append.records.map(valuesOf);
  let start = append.expected === null ? 1 : 0;
  let bytes = 0;
  for (const { kind, version } of append.records) if (kind === 'set' || kind === 'tombstone') start = version;
  for (const { data } of values) bytes += data?.length ?? 0;
  const { document: text } = append;
  const draft = { append, key: textOfKey(append.key), values, start };
  if (text === undefined) return { ...draft, bytes };
  const deleted = append.records.at(-1)?.kind === 'tombstone';
  const document = { text: deleted ? null : text, schema: schemaOf(append.records) };
  return { ...draft, bytes: bytes + text.length, document };
}

interface Answer extends HeadColumns {
  readonly alive: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly last_at: number | null;
}

export class Commits {
  readonly #executor: Executor;
  readonly #sql: Statements;

  constructor(executor: Executor, sql: Statements) {
    this.#executor = executor;
    this.#sql = sql;
  }

  /**
   * Writes one append.
   *
   * @param doubt why it is not known whether an earlier sending of it was made: then no failure says that it was not
   */
  async one(draft: Draft, limits: Limits, doubt?: unknown): Promise<CommitResult> {
    try {
      const [result] = await this.many([draft], limits);
      if (result?.status === 'fulfilled') return result.value;
      throw result?.reason;
    } catch (error) {
      throw doubt === undefined ? error : doubtful(draft.append, doubt);
    }
  }

  /** Writes several, of different keys, each by itself. Rejects where the statement for all of them failed. */
  async many(drafts: readonly Draft[], limits: Limits): Promise<PromiseSettledResult<CommitResult>[]> {
    const query: Query = (statement, values) => this.#executor.query(statement, values, limits);
    const done = await this.#retried(drafts, () => this.#write(drafts, query));
    const results: PromiseSettledResult<CommitResult>[] = [];
    for (const draft of drafts) {
      const settled = done.has(draft.key) ? Promise.resolve(made(draft)) : this.#settled(draft, query);
      results.push(...(await Promise.allSettled([settled])));
    }
    return results;
  }

  /** Writes all or none of them. @param within work of the caller's in the same transaction */
  async together(drafts: readonly Draft[], limits: Limits, within?: Within): Promise<CommitResult[]> {
    return this.#retried(drafts, () =>
      this.#executor.transaction(async (query, join) => {
        await query(this.#sql.lockAll, [drafts.map(({ key }) => key)]);
        const answers: (CommitResult | undefined)[] = [];
        for (const draft of drafts) answers.push(await this.#answer(draft, query));
        const refused = answers.some((answer) => answer?.ok === false);
        const rest = drafts.filter((_, i) => answers[i] === undefined);
        const done = refused || rest.length === 0 ? new Set<string>() : await this.#write(rest, query);
        // A log that was begun meanwhile could not be locked before.
        if (!refused && done.size < rest.length) throw new Raced();
        if (done.size > 0 && within !== undefined) await join(within);
        return drafts.map((draft, i) => {
          const answer = answers[i];
          if (answer !== undefined) return answer;
          if (!refused) return { ok: true, head: headOf(draft.append.records.at(-1)!), replayed: false };
          return { ok: false, head: draft.append.expected };
        });
      }, limits),
    );
  }

  /** The keys of those that were made. */
  async #write(drafts: readonly Draft[], query: Query): Promise<Set<string>> {
    const [only] = drafts;
    const rows =
      drafts.length === 1 && only?.values.length === 1
        ? await this.#writeOne(only, query)
        : await this.#writeMany(drafts, query);
    return new Set(rows.map(({ key }) => key));
  }

  #writeMany(drafts: readonly Draft[], query: Query): Promise<{ key: string }[]> {
    const documented = drafts.filter(({ document }) => document !== undefined);
    if (documented.length === 0) return query(this.#sql.many, arraysOf(drafts));
    return query(this.#sql.manyWithDocuments, [
      ...arraysOf(drafts),
      documented.map(({ key }) => key),
      documented.map(({ document }) => document!.text),
      documented.map(({ document }) => document!.schema),
    ]);
  }

  #writeOne({ append, key, values, start, document }: Draft, query: Query): Promise<{ key: string }[]> {
    const { expected, records } = append;
    const ttlMs = ttlOf(append);
    const [{ version, kind }] = records as [(typeof records)[0]];
    const [{ at, id, data, codec, schema, meta }] = values as [Values];
    const deleted = kind === 'tombstone';
    const code = kindOf(records[0]!);
    if (expected === null) {
      const row = [key, id, at, deleted, ttlMs, code, data, codec, schema, meta];
      if (document === undefined) return query(this.#sql.begin, row);
      return query(this.#sql.beginWithDocument, [...row, document.text, document.schema]);
    }
    const before = [expected.version, textOfKey(expected.id)];
    const row = [
      ...[key, version, id, at, deleted, start, ttlMs],
      ...before,
      ...[code, data, codec, schema, meta],
    ];
    if (document === undefined) return query(this.#sql.follow, row);
    return query(this.#sql.followWithDocument, [...row, document.text, document.schema]);
  }

  /** Finds out why one was not made. A log whose time had run out is cleared away, and a new one begun. */
  async #settled(draft: Draft, query: Query): Promise<CommitResult> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#answer(draft, query);
      if (answer !== undefined) return answer;
      const done = await this.#retried([draft], () => this.#write([draft], query));
      if (done.has(draft.key)) return made(draft);
      await this.#clear(draft.key);
    }
    return { ok: false, head: null };
  }

  async #answer({ append, key }: Draft, query: Query): Promise<CommitResult | undefined> {
    const { records } = append;
    const first = records[0]!.version;
    const last = records.at(-1)!.version;
    const [row] = await query<Answer>(this.#sql.answer, [key, first, last]);
    if (row === undefined || !row.alive) return answerTo(append, undefined);
    const { head_version: version, head_id: id, head_at: at, deleted } = row;
    const stands = new Map([
      [first, { id: row.first_id, at: 0 }],
      [last, { id: row.last_id, at: row.last_at ?? 0 }],
    ]);
    const known = (found: number) => {
      const there = found < row.floor || found > version ? undefined : stands.get(found);
      return there?.id == null ? undefined : { id: keyOfText(there.id), at: there.at };
    };
    return answerTo(append, { head: Object.freeze({ version, id: keyOfText(id), at, deleted }), at: known });
  }

  /** Clears away what is left of a log whose time has run out. */
  async #clear(key: string): Promise<void> {
    await this.#executor.transaction(async (query) => {
      const [row] = await query<{ alive: boolean }>(this.#sql.lock, [key]);
      if (row !== undefined && !row.alive) await query(this.#sql.erase, [key]);
    });
  }

  /** Clears away some whose time has run out. */
  async purge(limit: number): Promise<number> {
    const keys = await this.#executor.query<{ key: string }>(this.#sql.expired, [limit]);
    for (const { key } of keys) await this.#clear(key);
    return keys.length;
  }

  /** Sends it again where the server says that it had no effect; says what is not known where it says nothing. */
  async #retried<T>(drafts: readonly Draft[], send: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await send();
      } catch (error) {
        const reason = error instanceof WorkFailedError ? error.cause : error;
        const again = isWorthAnotherTry(reason) || error instanceof Raced;
        if (again && tries < MAX_TRIES) {
          await new Promise((resolve) => {
            setTimeout(resolve, Math.random() * 2 ** tries);
          });
          continue;
        }
        throw this.#failure(error, drafts[0]!.append);
      }
    }
  }

  #failure(error: unknown, append: Append): unknown {
    const typed = postgresError(error, this.#executor.location, append.key);
    return typed === error || serverRefused(error) ? typed : doubtful(append, error);
  }
}

/** Somebody else was faster, and nothing was written. */
class Raced extends Error {}

function doubtful({ key, records, expected }: Append, cause: unknown): Error {
  return outcomeUnknown(key, { operationId: records[0]!.id, ...(expected && { expected }) }, cause);
}

function made({ append }: Draft): CommitResult {
  return { ok: true, head: headOf(append.records.at(-1)!), replayed: false };
}

function ttlOf({ ttlMs, keepTtl }: Append): number | null {
  return keepTtl === true ? KEEP_TTL : (ttlMs ?? null);
}

function arraysOf(drafts: readonly Draft[]): unknown[][] {
  const sorted = drafts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const last = sorted.map(({ values }) => values.at(-1)!);
  const records = sorted.flatMap(({ key, append, values }) =>
    append.records.map((record, i) => ({ key, record, values: values[i]! })),
  );
  return [
    sorted.map(({ key }) => key),
    sorted.map(({ append }) => append.expected?.version ?? 0),
    sorted.map(({ append }) => (append.expected === null ? '' : textOfKey(append.expected.id))),
    sorted.map(({ append }) => append.records.at(-1)!.version),
    last.map(({ id }) => id),
    last.map(({ at }) => at),
    sorted.map(({ append }) => append.records.at(-1)!.kind === 'tombstone'),
    sorted.map(({ start }) => start),
    sorted.map(({ append }) => ttlOf(append)),
    records.map(({ key }) => key),
    records.map(({ record }) => record.version),
    records.map(({ record }) => kindOf(record)),
    records.map(({ values }) => values.at),
    records.map(({ values }) => values.id),
    records.map(({ values }) => values.data),
    records.map(({ values }) => values.codec),
    records.map(({ values }) => values.schema),
    records.map(({ values }) => values.meta),
  ];
}
