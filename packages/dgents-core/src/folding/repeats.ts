/** Events that carry an id of their writer's choosing: stored once, recognised by what they hold. */
import type { LogRecord, Version } from '../backend.js';
import { MessageIdReusedError } from '../errors.js';
import type { Cell } from '../state/cell.js';
import { type Call, remainingMs } from '../state/deadlines.js';
import type { NewEvent, Operation, Repeats } from '../state/operation.js';
import { headOf, NOTHING, type Snapshot } from '../state/replica.js';

/** An event that is to be stored, and as it is given to the fold. */
export interface Draft extends NewEvent {
  readonly event: unknown;
}

/** What is kept of an append. */
interface Kept {
  readonly records: readonly LogRecord[];
  /** Whether its first events went into the base of the log. */
  readonly isCut: boolean;
}

export class AppendRepeats implements Repeats {
  /** What was appended in the end, by this call or by the one that it repeats. */
  first: Version = 0;
  duplicate = false;

  constructor(
    private readonly cell: Cell,
    private readonly id: string,
    /** Undefined: they follow from the state, and are not known before. */
    private readonly drafts: readonly Draft[] | undefined,
    private readonly isSame: (record: LogRecord, draft: Draft) => boolean,
  ) {}

  waiting(other: Operation): void {
    const { repeats } = other.request;
    if (!(repeats instanceof AppendRepeats)) throw this.reused(0);
    const { codec } = this.cell.definition;
    const known = repeats.drafts;
    const same =
      this.drafts === undefined || known === undefined
        ? this.drafts === known
        : this.drafts.length === known.length &&
          this.drafts.every(({ event }, index) => codec.equal(event, known[index]?.event));
    if (!same) throw this.reused(repeats.first);
    this.first = repeats.first;
    this.duplicate = true;
  }

  async found(version: Version, call: Call): Promise<Snapshot> {
    const { cell } = this;
    const { records, isCut } = await cell.engine.within(
      this.stored(version, remainingMs(call)),
      call,
      cell.key,
    );
    const [first] = records;
    const last = records.at(-1);
    const { drafts } = this;
    this.duplicate = true;
    if (first === undefined || last === undefined) {
      // Its events are gone: what is kept is the state that they led to.
      this.first = Math.max(1, version - (drafts?.length ?? 1) + 1);
      return cell.engine.within(cell.reader.read(remainingMs(call), version), call, cell.key);
    }
    const missing = drafts === undefined ? 0 : drafts.length - records.length;
    const same =
      first.kind === 'event' &&
      (isCut ? missing > 0 || drafts === undefined : missing === 0) &&
      (drafts ?? [])
        .slice(Math.max(missing, 0))
        .every((draft, index) => this.isSame(records[index] as LogRecord, draft));
    if (!same) throw this.reused(first.version);
    // Of what was decided and is cut, the oldest that is known of.
    this.first = first.version - (isCut ? Math.max(missing, 1) : 0);
    return { ...NOTHING, head: headOf(last), value: null };
  }

  /** The records of one append lie side by side, and share its id; the first of them may have been let go of. */
  private async stored(version: Version, timeoutMs: number): Promise<Kept> {
    const { backend } = this.cell.engine;
    const { key } = this.cell;
    const records: LogRecord[] = [];
    let isCut = true;
    for await (const record of backend.range(key, { to: version, reverse: true, timeoutMs })) {
      isCut = record.id === this.id && record.version > 1;
      if (record.id !== this.id) break;
      records.unshift(record);
    }
    for await (const record of backend.range(key, { from: version + 1, timeoutMs })) {
      if (record.id !== this.id) break;
      records.push(record);
    }
    const [first] = records;
    if (first === undefined || !isCut) return { records, isCut: false };
    const { base } = await backend.read(key, { at: first.version - 1, limit: 1, timeoutMs });
    return { records, isCut: base?.id === this.id };
  }

  private reused(version: Version): MessageIdReusedError {
    const { key } = this.cell;
    return new MessageIdReusedError(
      `The message id "${this.id}" was used before in "${key}", for something else. Nothing was stored. One id stands for ` +
        'one append: repeat that with the very same events, or take a new id.',
      { key, messageId: this.id, version },
    );
  }
}
