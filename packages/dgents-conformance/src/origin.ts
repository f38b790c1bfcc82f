/** Where a failure comes from: the errors behind it, and the place in the author's own files. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Origin {
  /** What caused the error, what caused that, and so on: `TypeError: db is undefined`. */
  readonly causes?: readonly string[];
  /** Where in a file of the author's it was thrown, or passed through first: `src/my-backend.js:12:5`. */
  readonly at?: string;
}

/** Deeper than anyone reads; a cause may lead back to its error. */
const DEPTH = 8;

/** @param told what is said of the error anyway: a cause that is in it is not repeated */
export function originOf(error: unknown, told: string): Origin {
  const behind = causesOf(error);
  const causes = behind.map(wordsOf).filter((words) => !told.includes(words));
  // The innermost first: that is where it began.
  const at = [error, ...behind]
    .reverse()
    .map(ownFrame)
    .find((frame) => frame !== undefined);
  return { ...(causes.length > 0 && { causes }), ...(at !== undefined && { at }) };
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  let cause = causeOf(error);
  while (cause !== undefined && cause !== null && causes.length < DEPTH) {
    causes.push(cause);
    cause = causeOf(cause);
  }
  return causes;
}

const causeOf = (error: unknown): unknown => (error as { readonly cause?: unknown } | undefined)?.cause;

function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** A line of a stack: `at f (file:///a/b.js:1:2)`, `at async /a/b.js:1:2`. */
const FRAME = /^\s*at (?:.*\(|async )?((?:file:|node:|\/|[A-Za-z]:[\\/])[^()]*?:\d+:\d+)\)?$/;

/** Files that are not the author's: Node's, what is installed, and the kit itself. */
const FOREIGN = /^node:|[\\/]node_modules[\\/]|[\\/]dgents-(?:core|conformance)[\\/](?:dist|src)[\\/]/;

/** The first place in a stack that is in a file of the author's, as the working directory sees it. */
export function ownFrame(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  for (const line of error.stack.split('\n')) {
    const place = FRAME.exec(line)?.[1];
    if (place === undefined || FOREIGN.test(place)) continue;
    return shortened(place);
  }
  return undefined;
}

function shortened(place: string): string {
  const path = place.startsWith('file:') ? fileURLToPath(place) : place;
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
