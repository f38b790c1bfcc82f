import type { Append, CommitOptions, CommitResult, Head, Version } from '../backend.js';
import { headOf } from './log-view.js';

/** What has to be known of a log to answer an append. */
export interface Answerable {
  readonly head: Head;
  /** What stands at a version; undefined where it is not kept, or not there yet. */
  at(version: Version): Pick<Head, 'id' | 'at'> | undefined;
}

/**
 * What can be said to an append without writing: that it conflicts, or what it was told when it was made earlier.
 * The head of such a replay is the one that the append made, also when others have followed since: a writer that
 * took the newest head for its own would overwrite what it has not seen.
 *
 * @param log the log of its key; it is asked for the versions of the first and the last record
 * @returns undefined when the append follows the head: it is to be written
 */
export function answerTo(
  { expected, records }: Append,
  log: Answerable | undefined,
): CommitResult | undefined {
  if (log === undefined) return expected === null ? undefined : { ok: false, head: null };
  const { head } = log;
  if (head.id === expected?.id && head.version === expected.version) return undefined;
  const first = records[0]!;
  const last = records[records.length - 1]!;
  const made = log.at(last.version);
  if (made?.id !== last.id || log.at(first.version)?.id !== first.id) return { ok: false, head };
  const then = last.version === head.version ? head : { ...headOf(last), at: made.at };
  return { ok: true, head: then, replayed: true };
}

/**
 * What a commit does in a store that reads and writes at once, within a transaction where it has them: every append is
 * answered before the first is written, so that with `atomic` one conflict keeps all of them from being written.
 *
 * @param log the log of a key, as it is now
 * @param write writes the records of an append, and says what the head is then; {@link headOf} its last record, mostly
 */
export function decide<Log extends Answerable, A extends Append>(
  appends: readonly A[],
  { atomic }: CommitOptions,
  log: (key: string) => Log | undefined,
  write: (append: A, log: Log | undefined) => Head,
): CommitResult[] {
  const logs = appends.map(({ key }) => log(key));
  const answers = appends.map((append, i) => answerTo(append, logs[i]));
  const refused = atomic === true && answers.some((answer) => answer?.ok === false);
  return appends.map((append, i) => {
    if (refused) return answers[i] ?? { ok: false, head: logs[i]?.head ?? null };
    return answers[i] ?? { ok: true, head: write(append, logs[i]), replayed: false };
  });
}
