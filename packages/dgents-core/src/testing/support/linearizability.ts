/**
 * Whether what several clients saw of one log can be explained by one order of events, each somewhere between its
 * call and its answer. For a log that is simple: the versions are that order. Each has one writer; it happens before
 * every sight of it, and every sight of it before the next version.
 */

/** A version as a client saw or wrote it; the content where it was seen. */
export interface Seen {
  readonly version: number;
  readonly id: string;
  readonly content?: string | undefined;
}

interface Timed {
  readonly client: string;
  /** When it was called and answered, by one clock that never goes back. */
  readonly invoked: number;
  readonly ended: number;
}

export type Operation = Timed &
  (
    | { readonly kind: 'read'; readonly seen: Seen | null }
    | {
        readonly kind: 'commit';
        readonly expected: Seen | null;
        readonly wrote: Seen;
        /** `unknown`: it may have happened, at any time since. */
        readonly outcome: 'ok' | 'fail' | 'unknown';
        /** The head that it was refused with. */
        readonly seen: Seen | null;
      }
  );

type Commit = Operation & { readonly kind: 'commit' };

/** What cannot be explained, in words; nothing when all of it can. */
export function unexplained(operations: readonly Operation[]): string[] {
  const problems: string[] = [];
  const writers = writersOf(operations, problems);
  problems.push(
    ...strangeSights(operations, writers),
    ...brokenChain(writers),
    ...outOfOrder(operations, writers),
  );
  return problems;
}

/** Who wrote each version: whoever was told so, or whose write in doubt was seen. */
function writersOf(operations: readonly Operation[], problems: string[]): Map<number, Commit> {
  const commits = operations.filter((each): each is Commit => each.kind === 'commit');
  const seen = new Set(operations.flatMap((each) => sightsOf(each).map(({ id }) => id)));
  const writers = new Map<number, Commit>();
  for (const commit of commits) {
    if (commit.outcome === 'fail' || (commit.outcome === 'unknown' && !seen.has(commit.wrote.id))) continue;
    const other = writers.get(commit.wrote.version);
    if (other === undefined) writers.set(commit.wrote.version, commit);
    else
      problems.push(`version ${commit.wrote.version} was written by ${other.client} and by ${commit.client}`);
  }
  return writers;
}

/** Everything that a client has seen in an operation, or known when it began it. */
function sightsOf(operation: Operation): Seen[] {
  const sights = operation.kind === 'read' ? [operation.seen] : [operation.seen, operation.expected];
  return sights.filter((each) => each !== null);
}

/** What was seen was never written, or is not what was written. */
function strangeSights(operations: readonly Operation[], writers: ReadonlyMap<number, Commit>): string[] {
  const problems: string[] = [];
  for (const operation of operations) {
    for (const { version, id, content } of sightsOf(operation)) {
      const wrote = writers.get(version)?.wrote;
      const about = `${operation.client} saw version ${version}`;
      if (wrote?.id !== id) problems.push(`${about} under the id ${id}, which nobody wrote there`);
      else if (content !== undefined && content !== wrote.content)
        problems.push(`${about} with another content`);
    }
    if (
      operation.kind === 'commit' &&
      operation.outcome === 'fail' &&
      operation.seen?.id === operation.expected?.id
    ) {
      problems.push(`${operation.client} was refused, though the head was the one it expected`);
    }
  }
  return problems;
}

/** A version follows another than the one before it, or none. */
function brokenChain(writers: ReadonlyMap<number, Commit>): string[] {
  const problems: string[] = [];
  for (const [version, { client, expected }] of writers) {
    const before = writers.get(version - 1);
    if (version > 1 && before === undefined)
      problems.push(`version ${version} is there, ${version - 1} is not`);
    if (expected?.id !== before?.wrote.id) {
      problems.push(
        `version ${version} by ${client} follows another ${version - 1} than the one that is there`,
      );
    }
  }
  return problems;
}

/** An event that comes later in the order of versions was over before an earlier one began. */
function outOfOrder(operations: readonly Operation[], writers: ReadonlyMap<number, Commit>): string[] {
  const events: { place: number; what: string; invoked: number; ended: number }[] = [];
  for (const { wrote, client, outcome, invoked, ended } of writers.values()) {
    const end = outcome === 'unknown' ? Number.POSITIVE_INFINITY : ended;
    events.push({ place: wrote.version * 2, what: `${client} wrote ${wrote.version}`, invoked, ended: end });
  }
  for (const operation of operations) {
    if (operation.kind === 'commit' && operation.outcome !== 'fail') continue;
    const version = operation.seen?.version ?? 0;
    const { client, invoked, ended } = operation;
    events.push({ place: version * 2 + 1, what: `${client} saw ${version}`, invoked, ended });
  }
  events.sort((a, b) => a.place - b.place);
  const problems: string[] = [];
  let latest: (typeof events)[number] | undefined;
  let latestBefore: typeof latest;
  for (const [i, event] of events.entries()) {
    // Sights of one version have no order among them: each is held against what comes before all of them.
    if (event.place !== events[i - 1]?.place) latestBefore = latest;
    if (latestBefore !== undefined && latestBefore.invoked > event.ended) {
      problems.push(`${latestBefore.what}, though ${event.what} before that`);
    }
    if (latest === undefined || event.invoked > latest.invoked) latest = event;
  }
  return problems;
}
