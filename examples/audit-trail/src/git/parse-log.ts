/**
 * The output of `git log -z --raw --numstat`, as events. Everything ends with a NUL, names may hold any other byte:
 *
 *     commit <hash> ␀ <parents> ␀ <name> ␀ <email> ␀ <author time> ␀ <commit time> ␀ <subject> ␀ [␊]
 *       :<modes and blobs> M ␀ <path> ␀              :<…> R100 ␀ <from> ␀ <path> ␀         what became of each file
 *       <added>␉<removed>␉<path> ␀                   <added>␉<removed>␉ ␀ <from> ␀ <path> ␀    and its lines; - for binary
 */
import { AuditError } from '../errors.js';
import type { ChangeKind, FileChange, HistoryEvent } from '../history.js';
import { textOf } from './text.js';

export const LOG_FORMAT = 'commit %H%x00%P%x00%aN%x00%aE%x00%at%x00%ct%x00%s';

const FIELDS = 7;
const NEWLINE = 10;
const KINDS: Readonly<Record<string, ChangeKind>> = { A: 'added', D: 'deleted', R: 'renamed' };
const MAX_MS = 8.64e15; // the last time that a Date can hold

/** @throws AuditError for what this grammar does not allow */
export async function* parseLog(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<HistoryEvent, void, undefined> {
  let header: Buffer[] = [];
  let files = new Map<string, FileChange>();
  /** Names still to come, and what to do with them. */
  let names: Buffer[] = [];
  let wanted = 0;
  let then: (names: readonly Buffer[]) => void = () => undefined;

  for await (const token of tokens(chunks)) {
    if (wanted > 0) {
      names.push(token);
      if (names.length < wanted) continue;
      then(names);
      [names, wanted] = [[], 0];
    } else if (header.length > 0 && header.length < FIELDS) {
      header.push(token);
    } else {
      const line = (token[0] === NEWLINE ? token.subarray(1) : token).toString('latin1');
      const status = /^:\S+ \S+ \S+ \S+ ([A-Z])\d*$/.exec(line)?.[1];
      const counts = /^(\d+|-)\t(\d+|-)\t/.exec(line);
      if (/^commit [0-9a-f]+$/.test(line)) {
        if (header.length > 0) yield eventOf(header, files);
        [header, files] = [[token], new Map()];
      } else if (header.length > 0 && status !== undefined) {
        wanted = status === 'R' ? 2 : 1;
        then = (paths) => addTo(files, status, paths);
      } else if (header.length > 0 && counts !== null) {
        const [found, added, removed] = counts as unknown as [string, string, string];
        if (line.length > found.length)
          count(files, token.subarray(token.length - line.length + found.length), added, removed);
        else {
          wanted = 2;
          then = ([, path = token]) => count(files, path, added, removed);
        }
      } else {
        throw new AuditError(
          `git log said something unexpected: ${JSON.stringify(line.slice(0, 80))}. This needs git 2.28 or newer.`,
        );
      }
    }
  }
  if (header.length > 0) yield eventOf(header, files);
}

/** What lies between NULs, whatever pieces it comes in. */
async function* tokens(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      yield Buffer.concat([...pieces, chunk.subarray(start, end)]);
      pieces = [];
      start = end + 1;
    }
    pieces.push(chunk.subarray(start));
  }
  if (pieces.some(({ length }) => length > 0))
    throw new AuditError('git log ended within a commit. Run the import again.');
}

function addTo(files: Map<string, FileChange>, status: string, paths: readonly Buffer[]): void {
  const [first = '', path = first] = paths.map(textOf);
  const kind = KINDS[status] ?? 'modified'; // its type or mode may have changed too
  files.set(path, { path, kind, ...(kind === 'renamed' && { from: first }), added: 0, removed: 0 });
}

function count(files: Map<string, FileChange>, name: Buffer, added: string, removed: string): void {
  const path = textOf(name);
  const change = files.get(path) ?? { path, kind: 'modified' };
  files.set(path, { ...change, added: Number(added) || 0, removed: Number(removed) || 0 });
}

function eventOf(header: readonly Buffer[], files: ReadonlyMap<string, FileChange>): HistoryEvent {
  if (header.length < FIELDS) throw new AuditError('git log ended within a commit. Run the import again.');
  const [commit = '', parents = '', name = '', email = '', authored = '', committed = '', subject = ''] =
    header.map(textOf);
  const fields = {
    hash: commit.slice('commit '.length),
    parents: parents.split(' ').filter((hash) => hash !== ''),
    author: { name, email },
    authoredAt: timeOf(authored),
    committedAt: timeOf(committed),
    subject,
  };
  if (fields.parents.length > 1) return { type: 'merged', ...fields };
  return { type: 'committed', ...fields, files: [...files.values()] };
}

/** Seconds, of which a broken commit may have any number, or none. */
function timeOf(seconds: string): string {
  return new Date(Math.min((Number(seconds) || 0) * 1000, MAX_MS)).toISOString();
}
