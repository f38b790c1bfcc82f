import type { Append, CommitResult, Head, LogRecord } from '../backend.js';
import { type Call, unknown } from '../backend-parts/call.js';
import type { JournalFile } from './journal-file.js';
import type { JournalLayout } from './journal-layout.js';
import { idAt } from './journal-reading.js';
import { createJournal, headAfter, InDoubt, layoutAfter, writeLines } from './journal-writing.js';

/** An append that waits for its turn. */
export interface Request {
  readonly append: Append;
  readonly call: Call;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Appends all that follow one another in one write, and answers every request; under the lock. False when the journal
 * was created by somebody else meanwhile: then the requests are as unanswered as before.
 */
export async function commitBatch(file: JournalFile, batch: readonly Request[]): Promise<boolean> {
  const layout = layoutAfter(file);
  const { accepted, refused, head } = laidOut(layout, batch, file.view?.head);
  if (head !== undefined && accepted.length > 0) {
    for (const { call } of accepted) call.sent = true;
    try {
      if (!(await write(file, layout, head))) {
        for (const { call } of accepted) call.sent = false;
        return false;
      }
      for (const { append, resolve } of accepted) {
        resolve({ ok: true, head: headAfter(append.records), replayed: false });
      }
    } catch (error) {
      for (const request of accepted) request.reject(failureOf(request.append, error));
    }
  }
  for (const request of refused) await refuse(file, request);
  return true;
}

/** Lays out the appends that follow the head, or each other; what they make of the head. */
function laidOut(
  layout: JournalLayout,
  batch: readonly Request[],
  before: Head | undefined,
): { accepted: Request[]; refused: Request[]; head: Head | undefined } {
  const accepted: Request[] = [];
  const refused: Request[] = [];
  let head = before;
  for (const request of batch) {
    const { records } = request.append;
    if (!follows(request.append, head)) {
      refused.push(request);
      continue;
    }
    try {
      layout.append(records);
      accepted.push(request);
      head = headAfter(records);
    } catch (error) {
      request.reject(error);
    }
  }
  return { accepted, refused, head };
}

/** Whether the log is where an append expects it. */
function follows({ expected }: Append, head: Head | undefined): boolean {
  if (expected === null || head === undefined) return expected === null && head === undefined;
  return expected.version === head.version && expected.id === head.id;
}

async function write(file: JournalFile, layout: JournalLayout, head: Head): Promise<boolean> {
  if (file.view === undefined) return createJournal(file, layout, head);
  await writeLines(file, layout, head);
  return true;
}

/** Says what the head is, or that this very append has happened before. */
async function refuse(file: JournalFile, { append, resolve, reject }: Request): Promise<void> {
  try {
    const view = await file.refresh();
    if (view === undefined) resolve({ ok: false, head: null });
    else if (await hasHappened(file, append)) {
      resolve({ ok: true, head: headAfter(append.records), replayed: true });
    } else resolve({ ok: false, head: view.head });
  } catch (error) {
    reject(error);
  }
}

async function hasHappened(file: JournalFile, { expected, records }: Append): Promise<boolean> {
  const { view } = file;
  const first = records[0] as LogRecord;
  const last = records[records.length - 1] as LogRecord;
  if (view === undefined || last.version > view.head.version || first.version < view.floor) return false;
  if ((await idAt(file, view, first.version)) !== first.id) return false;
  if ((await idAt(file, view, last.version)) !== last.id) return false;
  if (expected === null || expected.version < view.floor) return true;
  return (await idAt(file, view, expected.version)) === expected.id;
}

/** What the caller of an append is told when writing failed. */
function failureOf({ key, expected, records }: Append, error: unknown): unknown {
  if (!(error instanceof InDoubt)) return error;
  const operationId = (records[0] as LogRecord).id;
  return unknown(key, { operationId, ...(expected && { expected }) }, error.cause);
}
