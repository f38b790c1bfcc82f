/** Events of one or several streams, and what other states make of them, as one commit: all of it or none. */
import type { CommitResult, LogRecord } from '../backend.js';
import type { CallOptions } from '../data-agent.js';
import { MessageIdReusedError } from '../errors.js';
import { told } from '../observe/operations.js';
import type { StateAgent } from '../state/agent.js';
import { checkOperationId } from '../state/arguments.js';
import type { Call } from '../state/deadlines.js';
import type { Engine } from '../state/engine.js';
import { ABSENT, type Snapshot } from '../state/replica.js';
import {
  assertAtomic,
  checkJoin,
  commitTogether,
  type Part,
  type Participant,
  partOf,
  present,
  type Work,
} from '../state/transact.js';
import type { Store } from '../store.js';
import type { Appended, FoldedAgent, TogetherAppend } from './folded-agent.js';

/** What one stream is to get. */
export interface StreamAppend extends TogetherAppend {
  readonly agent: FoldedAgent<unknown>;
}

/** What one stream gets, as it will be stored if nobody is first. */
export interface StreamRecords {
  readonly agent: FoldedAgent<unknown>;
  readonly records: readonly LogRecord[];
}

/** A state that is changed in the same commit. */
export interface Beside {
  readonly agent: StateAgent<never>;
  /** Changes its draft, or returns what takes its place. Nothing is written where it leaves the state as it is. */
  readonly change: (draft: never) => unknown;
}

export interface TogetherOptions extends CallOptions {
  /** Makes all of it happen once. */
  readonly operationId?: string | undefined;
  /** What else is changed by these events; asked anew whenever somebody else was first. Each state once. */
  readonly beside?: ((appends: readonly StreamRecords[]) => readonly Beside[]) | undefined;
  /** Work of the caller's in the same transaction; only where `capabilities.joins`. */
  readonly within?: Work | undefined;
}

/**
 * @returns what became of each append, in their order
 * @throws UnsupportedError unless `capabilities.atomicity` is `store`; TypeError for a stream that is there twice
 * @throws StateConflictError when one of them does not end where it was expected to: nothing was written
 */
export function appendTogether(
  store: Store,
  appends: readonly StreamAppend[],
  options: TogetherOptions = {},
): Promise<readonly Appended[]> {
  const { engine } = store;
  return told('append', engine, undefined, (event) =>
    engine.accept(
      (async () => {
        checkOperationId(options.operationId, 'messageId');
        if (new Set(appends.map(({ agent }) => agent.key)).size !== appends.length) {
          throw new TypeError('Each stream takes part in a commit once.');
        }
        engine.assertOpen();
        const call = engine.call(options, engine.timeoutMs);
        await engine.ready(call);
        assertAtomic(engine);
        if (options.within !== undefined) checkJoin(engine, options.within);
        const together = new Together(engine, appends, options, call);
        const parts = (id: string): Promise<readonly Part[]> => together.parts(id);
        // A store knows a replay by its ids: where the caller chose them, it may be somebody else's append.
        const isOurs = (results: readonly CommitResult[]): boolean =>
          options.operationId === undefined || !results.some((result) => result.ok && result.replayed);
        await commitTogether(engine, parts, call, options.within, event, isOurs);
        return together.results;
      })(),
    ),
  );
}

/** A duplicate in one stream and not yet in another is looked at again: all of a commit is there or none of it. */
const LOOKS = 3;

class Together {
  results: readonly Appended[] = [];
  /** The states that are changed beside the streams, by their keys, and as they were known before those were read. */
  private readonly besides = new Map<string, { readonly participant: Participant; known?: Snapshot }>();

  constructor(
    private readonly engine: Engine,
    private readonly appends: readonly StreamAppend[],
    private readonly options: TogetherOptions,
    private readonly call: Call,
  ) {}

  async parts(id: string): Promise<readonly Part[]> {
    for (const { participant } of this.besides.values()) await present(this.engine, participant, this.call);
    for (let look = 1; ; ) {
      for (const beside of this.besides.values()) beside.known = beside.participant.cell.snapshot;
      const written = await this.plan(id);
      const duplicates = this.results.filter(({ duplicate }) => duplicate).length;
      if (written.length === 0) return [];
      if (duplicates > 0) {
        look += 1;
        if (look > LOOKS) throw this.reused();
        continue;
      }
      const changes = this.options.beside?.(written) ?? [];
      if (changes.some(({ agent }) => !this.besides.has(agent.key))) {
        await this.present(changes);
        if (this.options.operationId !== undefined) continue;
      }
      if (this.options.operationId !== undefined && this.haveMoved()) continue;
      return [...written.map(({ part }) => part), ...changes.flatMap((one) => this.changed(one, id) ?? [])];
    }
  }

  /**
   * Whether a state was read again since: what an earlier sending of these events has made of it must not be known where
   * the streams are as they were before. They would be taken for sent again, and the state for not yet changed.
   */
  private haveMoved(): boolean {
    return [...this.besides.values()].some(({ participant, known }) => participant.cell.snapshot !== known);
  }

  private async plan(id: string): Promise<readonly (StreamRecords & { readonly part: Part })[]> {
    const { call, options } = this;
    const results: Appended[] = [];
    const written: (StreamRecords & { part: Part })[] = [];
    for (const append of this.appends) {
      const { agent } = append;
      const { appended, part } = await agent.planAppend(append, {
        id,
        operationId: options.operationId,
        call,
      });
      results.push(appended);
      if (part !== undefined) written.push({ agent, records: part.plan.records, part });
    }
    this.results = results;
    return written;
  }

  /** Reads the states that were not looked at before. */
  private async present(changes: readonly Beside[]): Promise<void> {
    for (const { agent } of changes) {
      if (this.besides.has(agent.key)) continue;
      if (this.appends.some((append) => append.agent.key === agent.key)) {
        throw new TypeError(
          `"${agent.key}" gets events, so nothing else can be changed there. Give what is projected a key of its own. Nothing was stored.`,
        );
      }
      const participant = agent.participate(this.engine, this.call);
      participant.admit();
      await present(this.engine, participant, this.call);
      this.besides.set(agent.key, { participant });
    }
  }

  private changed({ agent, change }: Beside, id: string): Part | undefined {
    const { participant } = this.besides.get(agent.key) as { readonly participant: Participant };
    const draft = participant.draft();
    const next = change(draft as never) ?? draft;
    const { definition, key, snapshot } = participant.cell;
    const { codec } = definition;
    const { value } = snapshot;
    if (value !== ABSENT && codec.equal(value, definition.accept(next, key).value)) return undefined;
    return partOf(participant, id, next);
  }

  private reused(): MessageIdReusedError {
    const { operationId: messageId = '' } = this.options;
    const found = this.results.findIndex(({ duplicate }) => duplicate);
    return new MessageIdReusedError(
      `The message id "${messageId}" was used before, in some of these streams only. Nothing was stored. Take a new id.`,
      { messageId, version: this.results[found]?.first ?? 0, key: this.appends[found]?.agent.key },
    );
  }
}
