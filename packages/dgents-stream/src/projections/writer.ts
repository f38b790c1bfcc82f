/**
 * Writes what events make of the read models, and how far the projection is, as one: whatever dies when, each event is in
 * the models once. Each write is compared with the last one, so that whoever was overtaken writes nothing.
 */
import {
  DgentsError,
  type Head,
  type Meta,
  type StateAgent,
  type Store,
  UnsupportedError,
} from 'dgents-core';
import { changeTogether, type TogetherChange } from 'dgents-core/folding';
import type { AnyEvent } from '../stream/definition.js';
import type { Recorded } from '../stream/recorded.js';
import { checkpointMeta, placeIn } from './checkpoint.js';
import type { Place } from './items.js';
import { internalKey } from './names.js';
import { nameOf, operationIdOf, type Parked, type ParkedEvent, ParkedEvents } from './parked.js';
import type { Projection } from './projection.js';

/** What is done as one. */
export interface Step<E extends AnyEvent> {
  readonly events: readonly Recorded<E>[];
  /** Where the projection is then. */
  readonly place: Place;
  /** Put aside with it. */
  readonly parked?: ParkedEvent;
  /** No longer aside with it: it is the event of this step. */
  readonly released?: ParkedEvent;
}

/** Events that could not be taken: which of them, as far as that is known. Nothing was written. */
export interface Failure {
  readonly index: number | undefined;
  readonly error: unknown;
}

/** Room for the rest of the meta. */
const MAX_PLACE_BYTES = 4_000;

/** Each is read before it is changed. */
const MOST_TOGETHER = 200;

/** The checkpoint and the parked events take part in a commit, too. */
const OTHERS = 2;

/** Errors of what a model was made into, and not of the store. */
const REFUSALS = ['DGENTS_STATE_SERIALIZATION', 'DGENTS_STATE_VALIDATION', 'DGENTS_STATE_TOO_LARGE'] as const;

export class Writer<M, E extends AnyEvent> {
  readonly parked: ParkedEvents;
  private readonly checkpoint: StateAgent<M>;
  /** What the next write has to follow. */
  private head: Head | null = null;
  /** Handlers that return models and others that change them in place do not go together in one draft. */
  private copies = false;

  constructor(
    private readonly store: Store,
    private readonly projection: Projection<M, E>,
    /** What is followed; undefined: the feed. */
    private readonly stream: string | undefined,
  ) {
    const { name, version } = projection;
    this.checkpoint = projection.checkpoint(store);
    this.parked = new ParkedEvents(store, internalKey('parked', name, version));
  }

  /**
   * Where the projection is; undefined: at the beginning.
   * @throws UnsupportedError where it follows another stream, or the feed, or somebody else has written the model
   */
  async open(): Promise<Place | undefined> {
    const found = await this.checkpoint.read();
    this.head = found.head;
    return placeIn(this.projection, found, this.stream);
  }

  /** How many events at most can be written as one: their models change as one, too. */
  fitting(events: readonly Recorded<E>[]): number {
    if (this.projection.definition.key === undefined) return events.length;
    const most = this.mostParts;
    const parts = new Set<string | undefined>();
    for (const [index, recorded] of events.entries()) {
      try {
        for (const part of this.projection.partsOf(recorded)) parts.add(part);
      } catch {
        // It is met again, and put aside, when this event is written.
      }
      if (parts.size > most && index > 0) return index;
    }
    return events.length;
  }

  private get mostParts(): number {
    return Math.min(this.store.capabilities.limits.appendsPerCommit, MOST_TOGETHER) - OTHERS;
  }

  /**
   * @returns why it could not be done, where that is because of the events
   * @throws StateConflictError where somebody else was first, and everything that the store rejects with
   */
  async write(step: Step<E>): Promise<Failure | undefined> {
    const work = new Work(this.projection, step.events);
    try {
      await this.commit(step, work);
      return undefined;
    } catch (error) {
      if (work.failure !== undefined && work.failure.error === error) return work.failure;
      if (REFUSALS.some((code) => DgentsError.is(error, code))) return { index: undefined, error };
      throw error;
    }
  }

  private async commit(step: Step<E>, work: Work<M, E>): Promise<void> {
    const { store, projection } = this;
    const meta = this.metaOf(step.place);
    const changesParked = step.parked !== undefined || step.released !== undefined;
    const canBeTogether = store.capabilities.atomicity === 'store';
    const isAlone = !projection.needsStore && !(changesParked && canBeTogether);
    if (isAlone) await this.commitAlone(step, work, meta);
    else await this.commitTogether(step, work, meta);
  }

  /** The one write that is atomic on every store. What is put aside comes before it, and is looked for by whoever resumes. */
  private async commitAlone(
    { parked, released, ...step }: Step<E>,
    work: Work<M, E>,
    meta: Meta,
  ): Promise<void> {
    if (parked !== undefined) await this.parked.park(parked);
    const { checkpoint, head } = this;
    const once = released === undefined ? {} : { operationId: operationIdOf('replay', released) };
    const options = { expected: head ?? 0, meta, ...once };
    const recipe = (draft: M): M => work.run(draft, step.events) as M;
    if (!this.copies) {
      try {
        ({ head: this.head } = await checkpoint.update(recipe, options));
        if (released !== undefined) await this.parked.release(released);
        return;
      } catch (error) {
        if (!work.isMixed || work.failure?.error === error || !(error instanceof TypeError)) throw error;
        this.copies = true;
      }
    }
    const { state } = await checkpoint.read();
    const next = work.run(state, step.events) ?? state;
    ({ head: this.head } = await checkpoint.update(() => next as M, options));
    if (released !== undefined) await this.parked.release(released);
  }

  private async commitTogether(
    { events, parked, released }: Step<E>,
    work: Work<M, E>,
    meta: Meta,
  ): Promise<void> {
    const { store, projection, checkpoint, head } = this;
    const { within } = projection.definition;
    const changes: TogetherChange[] = [];
    const change = (agent: StateAgent<never>, own: readonly Recorded<E>[], more: object = {}): number =>
      changes.push({ agent, change: (draft) => work.run(draft, own), meta, ...more });
    const expected = { expected: head ?? 0 };
    if (projection.isApart) {
      change(checkpoint as never, [], expected);
      const agents = [...work.byPart(this.mostParts)].map(([part, own]) => {
        const agent = projection.agent(store, projection.version, part);
        change(agent as never, own);
        return agent;
      });
      // What cannot be read is told by itself, and not taken for the fault of an event.
      await Promise.all(agents.map((agent) => agent.read()));
    } else change(checkpoint as never, events, expected);
    if (parked !== undefined || released !== undefined) {
      const aside = (waiting: Parked): Parked => [
        ...waiting.filter((one) => released === undefined || nameOf(one) !== nameOf(released)),
        ...(parked === undefined ? [] : [parked]),
      ];
      changes.push({ agent: this.parked as never, change: aside });
    }
    const joined =
      within === undefined || events.length === 0 ? {} : { within: work.within(() => within(events)) };
    const [written] = await changeTogether(store, changes, joined);
    this.head = written?.head ?? null;
  }

  private metaOf(place: Place): Meta {
    const meta = checkpointMeta(this.stream, place);
    if (Buffer.byteLength(JSON.stringify(meta)) <= MAX_PLACE_BYTES) return meta;
    throw new UnsupportedError(
      `The feed of this ${this.store.backend.name} store has too many partitions for one projection: its position does not fit ` +
        'beside a state. Keep the streams of a projection in few slots (a hash tag), or project them one by one.',
    );
  }
}

/** What the events of one step do, and which of them failed at it. */
class Work<M, E extends AnyEvent> {
  failure: Failure | undefined;
  /** Whether a handler returned a model. */
  isMixed = false;

  constructor(
    private readonly projection: Projection<M, E>,
    private readonly events: readonly Recorded<E>[],
  ) {}

  /** @returns the model after these, where it is another one; undefined where it was changed in place */
  run(model: unknown, own: readonly Recorded<E>[]): unknown {
    let current = model;
    for (const recorded of own) {
      try {
        const next = this.projection.apply(current, recorded);
        if (next !== undefined) current = next;
      } catch (error) {
        this.failure = { index: this.events.indexOf(recorded), error };
        throw error;
      }
    }
    if (current === model) return undefined;
    this.isMixed = true;
    return current;
  }

  /** The events of each model, in order. */
  byPart(most: number): ReadonlyMap<string | undefined, readonly Recorded<E>[]> {
    const found = new Map<string | undefined, Recorded<E>[]>();
    for (const [index, recorded] of this.events.entries()) {
      try {
        for (const part of this.projection.partsOf(recorded)) {
          const own = found.get(part);
          if (own === undefined) found.set(part, [recorded]);
          else own.push(recorded);
        }
        if (found.size > most) {
          throw new RangeError(`One event changes at most ${most} read models in this store.`);
        }
      } catch (error) {
        this.failure = { index, error };
        throw error;
      }
    }
    return found;
  }

  /** Work in the transaction: what fails there may be the fault of any of the events. */
  within(begin: () => (client: unknown) => unknown): (client: unknown) => unknown {
    const failed = (error: unknown): never => {
      // The store's own trouble is not the fault of an event.
      if (!(DgentsError.is(error) && error.retryable)) this.failure = { index: undefined, error };
      throw error;
    };
    return (client) => {
      try {
        const done = begin()(client) as PromiseLike<unknown> | undefined;
        return typeof done?.then === 'function' ? done.then(undefined, failed) : done;
      } catch (error) {
        return failed(error);
      }
    };
  }
}
