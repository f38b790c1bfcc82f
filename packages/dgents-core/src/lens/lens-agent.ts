/**
 * The agent of a part. Longer than other files: every method of the contract is here once, overloads included.
 */
import type { Head, Version } from '../backend.js';
import type { Codec, CodecOptions } from '../codec/codec.js';
import type {
  CallOptions,
  Capabilities,
  DataAgent,
  DeepReadonly,
  Deleted,
  LoadOptions,
  SaveOptions,
  TimelineOptions,
  UpdateOptions,
  Versioned,
  WatchOptions,
  WriteOptions,
} from '../data-agent.js';
import {
  AgentClosedError,
  DgentsError,
  StateConflictError,
  StateNotFoundError,
  UnsupportedError,
} from '../errors.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import { checkMeta } from '../state/arguments.js';
import { Deadlines, monotonicMs, remainingMs } from '../state/deadlines.js';
import { endedBy } from '../state/ended-by.js';
import { checkTimeout, DEFAULT_TIMEOUT_MS } from '../state/engine.js';
import { STATE_RULES, type StateRules, stateRulesOf } from '../state/state-rules.js';
import { assertAgent } from '../wrapper/assert-agent.js';
import { keyOf } from '../wrapper/key-of.js';
import { versionedView } from '../wrapper/views.js';
import { changePart, partOf, replacePart } from './change.js';
import type { Lens } from './lens.js';
import { documentOf, MISSING, Seen, summaryOf } from './seen.js';

export interface LensAgentOptions {
  /**
   * That of the parent, where there are class instances in the part: without it they are refused. Agents of dgents tell
   * it; only around those of others it is to be given.
   */
  readonly codec?: Codec | CodecOptions | undefined;
}

const OPTIONS: OptionNames<LensAgentOptions> = { codec: true };

type Shown<A> = Versioned<A | DeepReadonly<A>>;

/** Thrown out of a recipe of the parent, so that nothing is stored. */
const CHANGED: unique symbol = Symbol('changed');

/**
 * The agent of a part of a state that another agent keeps.
 *
 * Writes are updates of the parent, so they are atomic on the whole: two lenses on one parent never lose each other's
 * write, also from different processes. Versions, times and meta are the parent's. A save conflicts only if the part is
 * no longer as this handle has seen it, compared by value, however often the rest was written. So it is with an
 * `expected` that is what a read of this handle gave; with a version, a head or `'any'` the whole is compared, as the
 * parent does.
 *
 * Where the part is not there, it is as if nothing was stored: `load` rejects with `StateNotFoundError`, `history` skips
 * it, `timeline` and `watch` show it as deleted. A save can begin it where the whole is there, or the parent has an
 * `initial`. `delete` is refused with `UnsupportedError`: change the whole. Durability is the parent's.
 *
 * The parent is not closed with it: others may look at it too. Who also saves the whole uses a handle of their own, since
 * the parent has seen what its lenses have.
 */
export class LensAgent<S, A> implements DataAgent<A> {
  /** The agent of the whole. */
  readonly parent: DataAgent<S>;
  private readonly codec: Codec;
  private seen: Seen | undefined;
  /** What each view was of: a save may be told to compare with one. */
  private readonly shown = new WeakMap<object, Seen>();
  /** Writes that have not settled, and what the saves among them put. */
  private readonly pending = new Map<Promise<unknown>, Seen | undefined>();
  /** Resolves once the last write that has to wait has begun. */
  private line: Promise<unknown> | undefined;
  private readonly deadlines = new Deadlines();
  private readonly watches = new Set<AbortController>();
  private closed: Promise<void> | undefined;

  /** @throws TypeError when the parent is no agent, or an option cannot be meant */
  constructor(
    parent: DataAgent<S>,
    readonly lens: Lens<NoInfer<S>, A>,
    options: LensAgentOptions = {},
  ) {
    assertAgent(parent);
    checkOptions('LensAgent', options, OPTIONS);
    this.parent = parent;
    this.codec = stateRulesOf(parent, options).codec;
  }

  /** The address of the whole, where the parent tells it. */
  get key(): string | undefined {
    return keyOf(this.parent);
  }

  /** @internal Instances in the part are those of the whole. The schema is not that of the part. */
  get [STATE_RULES](): StateRules {
    return { codec: this.codec, schema: undefined };
  }

  get capabilities(): Capabilities {
    return ofPart(this.parent.capabilities);
  }

  async ready(options?: CallOptions): Promise<Capabilities> {
    this.assertOpen();
    return ofPart(await this.parent.ready(options));
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<A>>;
  load(options?: LoadOptions): Promise<A>;
  async load(options?: LoadOptions): Promise<A | DeepReadonly<A>> {
    return (await this.look(options)).state;
  }

  read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<A>>>;
  read(options?: LoadOptions): Promise<Versioned<A>>;
  read(options?: LoadOptions): Promise<Shown<A>> {
    return this.look(options);
  }

  private async look(options: LoadOptions | undefined): Promise<Shown<A>> {
    this.assertOpen();
    const sees = options?.at === undefined;
    try {
      const found = (await this.parent.read({ ...options, frozen: true })) as Versioned<S>;
      return this.show(found, options?.frozen, sees);
    } catch (error) {
      if (sees && isAbsence(error)) this.seeNothing(null);
      throw error;
    }
  }

  /** The part of a whole that was read frozen. @throws StateNotFoundError when it is not there */
  private show(found: Versioned<S>, frozen: boolean | undefined, sees: boolean): Shown<A> {
    const { codec } = this;
    const part = this.partOf(found, sees);
    const seen = new Seen(codec, found.head, () => part);
    if (frozen === true) seen.now();
    if (sees) this.see(seen);
    const view = versionedView(found, () => (frozen === true ? codec.freeze(part) : codec.clone(part)));
    this.shown.set(view, seen);
    return view;
  }

  private partOf({ state, head }: Versioned<S>, sees: boolean): A {
    try {
      return this.locate(() => this.lens.get(state));
    } catch (error) {
      if (sees && isMissing(error)) this.seeNothing(head);
      throw error;
    }
  }

  history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<A>[]>;
  /** At most so many earlier states of the whole, those without the part left out. */
  history(limit?: number, options?: LoadOptions): Promise<A[]>;
  async history(limit?: number, options?: LoadOptions): Promise<(A | DeepReadonly<A>)[]> {
    this.assertOpen();
    const { codec, lens } = this;
    const wholes = (await this.parent.history(limit, { ...options, frozen: true })) as S[];
    const parts = wholes.map((all) => orMissing(() => lens.get(all))).filter((part) => part !== MISSING);
    return parts.map((part) => (options?.frozen === true ? codec.freeze(part) : codec.clone(part)) as A);
  }

  timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<A>> | Deleted>;
  timeline(options?: TimelineOptions): AsyncIterable<Versioned<A> | Deleted>;
  timeline(options?: TimelineOptions): AsyncGenerator<never, void, undefined> {
    // One implementation serves both signatures: `frozen` decides what the views hold.
    return this.walk(options) as AsyncGenerator<never, void, undefined>;
  }

  private async *walk(options: TimelineOptions | undefined): AsyncGenerator<Shown<A> | Deleted> {
    this.assertOpen();
    for await (const item of this.parent.timeline({ ...options, frozen: true })) {
      yield this.showItem(item as Versioned<S> | Deleted, options?.frozen, false);
    }
  }

  watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<A>> | Deleted>;
  watch(options?: WatchOptions): AsyncIterable<Versioned<A> | Deleted>;
  watch(options?: WatchOptions): AsyncGenerator<never, void, undefined> {
    const ending = new AbortController();
    return endedBy(this.follow(ending, options) as AsyncGenerator<never, void, undefined>, ending);
  }

  private async *follow(
    ending: AbortController,
    options: WatchOptions = {},
  ): AsyncGenerator<Shown<A> | Deleted> {
    this.assertOpen();
    const end = (): void => ending.abort();
    const { signal, frozen } = options;
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    this.watches.add(ending);
    try {
      const items = this.parent.watch({ ...options, signal: ending.signal, frozen: true });
      let shown = false;
      for await (const item of items as AsyncIterable<Versioned<S> | Deleted>) {
        const view = this.showItem(item, frozen, true);
        // A watch does not begin with a deletion.
        if (!shown && view.deleted) continue;
        shown = true;
        yield view;
      }
    } finally {
      this.watches.delete(ending);
      signal?.removeEventListener('abort', end);
    }
  }

  private showItem(
    item: Versioned<S> | Deleted,
    frozen: boolean | undefined,
    sees: boolean,
  ): Shown<A> | Deleted {
    const { version, head, savedAt, meta } = item;
    try {
      if (!item.deleted) return this.show(item, frozen, sees);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    if (sees) this.seeNothing(head);
    return { deleted: true, version, head: head!, savedAt: savedAt!, meta };
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  async save(state: A, given: SaveOptions = {}): Promise<Version> {
    this.assertOpen();
    if (state === undefined) throw new TypeError('`undefined` is not a state.');
    refuseWeighing(given);
    const { codec } = this;
    const own = codec.copy(state, { key: this.key }).value as A;
    // It compares with what the updates of this handle that are under way will leave: they have to end first.
    const comesAfter = given.expected === undefined ? () => this.updatesUnderWay() : () => undefined;
    return this.inOrder(given, comesAfter, (options) => this.put(own, options));
  }

  private async put(own: A, options: SaveOptions): Promise<Version> {
    const { codec, lens } = this;
    const { expected, ...rest } = options;
    const shown = typeof expected === 'object' ? this.shown.get(expected) : undefined;
    const seen = expected === undefined ? this.seen : shown;
    // What this handle has seen, or has put there itself a moment ago.
    const puts = shown === undefined ? [...this.pending.values()].filter((put) => put !== undefined) : [];
    const compares = seen !== undefined;
    const replace = (draft: S): S | void => {
      if (compares) {
        const now = documentOf(
          codec,
          orMissing(() => partOf(codec, lens, draft)),
        );
        if (![seen, ...puts].some((known) => known.isSame(now))) throw CHANGED;
      }
      return this.locate(() => replacePart(codec, lens, draft, own));
    };
    const put = new Seen(codec, null, () => own);
    try {
      const { version } = await this.write(
        this.parent.update(replace, shown === undefined ? options : rest),
        put,
      );
      return version;
    } catch (error) {
      if (error !== CHANGED || seen === undefined) throw error;
      throw await this.conflict(seen, options);
    }
  }

  private updatesUnderWay(): Promise<unknown> | undefined {
    const updates = [...this.pending].filter(([, put]) => put === undefined).map(([write]) => write);
    return updates.length === 0 ? undefined : Promise.allSettled(updates);
  }

  /**
   * Begins a write at once, unless it or one before it has to wait: writes of a handle are made in the order of their
   * calls.
   * @param comesAfter what it waits for, once its turn has come
   */
  private inOrder<O extends SaveOptions, T>(
    given: O,
    comesAfter: () => Promise<unknown> | undefined,
    begin: (options: O) => Promise<T>,
  ): Promise<T> {
    const before = this.line ?? comesAfter();
    if (before === undefined) return begin(given);
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = given;
    const meta = checkMeta(given.meta);
    const call = { deadline: monotonicMs() + checkTimeout(timeoutMs), timeoutMs, signal };
    const turn = before.then(comesAfter);
    const begun = this.deadlines.within(turn, call, 'The write', this.key).then(() => ({
      done: begin({
        ...given,
        ...(meta !== undefined && { meta }),
        ...(given.timeoutMs !== undefined && { timeoutMs: remainingMs(call) }),
      }),
    }));
    const line: Promise<unknown> = begun
      .catch(() => undefined)
      .then(() => {
        if (this.line === line) this.line = undefined;
      });
    this.line = line;
    return begun.then(({ done }) => done);
  }

  private async conflict(seen: Seen, { timeoutMs, signal }: CallOptions): Promise<DgentsError> {
    const call = { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal !== undefined && { signal }) };
    const { head } = await this.parent.read(call);
    const expected = summaryOf(seen.head);
    return new StateConflictError(
      `Someone else changed the part since version ${expected.version}, which this handle saw. Nothing was stored. Use update(), or load and save again.`,
      { expected, actual: summaryOf(head), key: this.key },
    );
  }

  async update(change: (draft: A) => A | void, options: UpdateOptions = {}): Promise<Versioned<A>> {
    this.assertOpen();
    if (typeof change !== 'function') throw new TypeError('update takes a recipe: `(draft) => { … }`.');
    refuseWeighing(options);
    const { codec, lens } = this;
    const recipe = (draft: S): S | void =>
      changePart(codec, lens, draft, change, (look) => this.locate(look));
    const result = await this.inOrder(
      options,
      () => undefined,
      (own) => this.write(this.parent.update(recipe, own), undefined),
    );
    return versionedView(result, () => codec.clone(lens.get(result.state)));
  }

  /** Remembers a write until it has settled, and what it has left behind then. */
  private async write(written: Promise<Versioned<S>>, put: Seen | undefined): Promise<Versioned<S>> {
    this.pending.set(written, put);
    try {
      const result = await written;
      // A load may have shown something newer before the answer came.
      if (result.version >= (this.seen?.head?.version ?? 0)) {
        const { codec, lens } = this;
        this.see(new Seen(codec, result.head, () => orMissing(() => lens.get(result.state))));
      }
      return result;
    } catch (error) {
      // Told once: the state is absent from now on.
      if (DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) this.seeNothing(null);
      throw error;
    } finally {
      this.pending.delete(written);
    }
  }

  /** @throws UnsupportedError always: what is left of the whole is for its owner to say */
  async delete(): Promise<boolean> {
    this.assertOpen();
    throw new UnsupportedError(
      'A part of a state cannot be deleted. Change the whole, with an update of the parent.',
    );
  }

  // ── Life ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private see(seen: Seen): void {
    this.seen = seen;
  }

  private seeNothing(head: Head | null): void {
    this.see(new Seen(this.codec, head, () => MISSING));
  }

  /** @throws StateNotFoundError with the key when the part is not there */
  private locate<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new StateNotFoundError((error as Error).message, { key: this.key, cause: error });
    }
  }

  private assertOpen(): void {
    if (this.closed !== undefined)
      throw new AgentClosedError('The agent of the part was closed.', { key: this.key });
  }

  /** Waits for what was accepted, and ends its watches. The parent stays open. */
  close(): Promise<void> {
    this.closed ??= (async () => {
      for (const watch of this.watches) watch.abort();
      await this.line;
      await Promise.allSettled(this.pending.keys());
    })();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function ofPart(capabilities: Capabilities): Capabilities {
  return { ...capabilities, weighs: false };
}

/** What the parent would weigh is the whole. @throws UnsupportedError */
function refuseWeighing(options: WriteOptions | undefined): void {
  if (options?.weigh === undefined) return;
  throw new UnsupportedError('A part of a state is not weighed. Weigh the whole, in updates of the parent.');
}

/** Whether it says that there is no state, or none any more. */
function isAbsence(error: unknown): boolean {
  if (DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) return true;
  // The part may be missing where the whole is not; that has been seen already.
  return isMissing(error) && !isMissing((error as Error).cause);
}

function isMissing(error: unknown): boolean {
  return DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND');
}

function orMissing(look: () => unknown): unknown {
  try {
    return look();
  } catch (error) {
    if (isMissing(error)) return MISSING;
    throw error;
  }
}
