/** A projection as its processor and its readers use it. */
import { type AgentOptions, StateAgent, type Store } from 'dgents-core';
import type { AnyEvent } from '../stream/definition.js';
import type { InlineProjection } from '../stream/inline.js';
import type { Recorded } from '../stream/recorded.js';
import type { ProjectionDefinition } from './definition.js';
import { idOf, internalKey, modelKey } from './names.js';
import { ReadModel } from './read-model.js';
import { Sources, type StreamSource } from './sources.js';

type Handler = (model: unknown, recorded: Recorded<never>) => unknown;

const MAX_NAME_LENGTH = 100;
const KEPT_VERSIONS = 1_000;

/** A projection whatever its models and events are: what is known of each in a list of several. */
export type AnyProjection = Pick<
  Projection<unknown, AnyEvent>,
  'name' | 'version' | 'id' | 'checkpointKey' | 'isApart' | 'needsStore' | 'hasModel'
>;

/** Made by {@link defineProjection}. */
export class Projection<M, E extends AnyEvent> {
  readonly name: string;
  readonly version: number;
  /** Name and version. */
  readonly id: string;
  /** @internal */
  readonly sources: Sources;
  private readonly handlers: Handler | ReadonlyMap<string, Handler> | undefined;

  /** @throws TypeError, RangeError */
  constructor(
    /** @internal */
    readonly definition: ProjectionDefinition<M, E>,
    streams: readonly StreamSource[],
  ) {
    const { name, version = 1, initial, on, key, each, within } = definition;
    checkName(name);
    if (!Number.isSafeInteger(version) || version < 1)
      throw new RangeError(`\`version\` is a whole number above 0, not ${String(version)}.`);
    if ((on === undefined) !== (initial === undefined))
      throw new TypeError('`on` and `initial` make the read model together: give both, or none.');
    if (initial !== undefined && typeof initial !== 'function')
      throw new TypeError('`initial` is a function that returns the model before the first event.');
    if (key !== undefined && on === undefined)
      throw new TypeError('`key` tells read models apart: give `on` too.');
    for (const [what, given] of Object.entries({ key, each, within })) {
      if (given !== undefined && typeof given !== 'function')
        throw new TypeError(`\`${what}\` is a function.`);
    }
    if (on === undefined && each === undefined && within === undefined)
      throw new TypeError('A projection does something with events: give `on`, `each` or `within`.');
    this.name = name;
    this.version = version;
    this.id = idOf(name, version);
    this.sources = new Sources(streams);
    this.handlers = handlersOf(on);
    if (this.handlers instanceof Map) checkTypes(this.handlers, this.sources.types);
  }

  /** Whether there are many read models, or none: the checkpoint lies beside them then. */
  get isApart(): boolean {
    return this.handlers === undefined || this.definition.key !== undefined;
  }

  /** Whether it can only be done where several keys change as one. */
  get needsStore(): boolean {
    return this.definition.key !== undefined || this.definition.within !== undefined;
  }

  get hasModel(): boolean {
    return this.handlers !== undefined;
  }

  /** Where it tells how far it is: the meta of the newest version of this state. */
  get checkpointKey(): string {
    return this.isApart
      ? internalKey('checkpoint', this.name, this.version)
      : modelKey(this.name, this.version);
  }

  /**
   * The read model, or the one of a key, for reading: of the newest version that has caught up. Nothing is read yet.
   * @param part as `key` gave it, where there are many
   * @throws TypeError where there is none, or it is not said which
   */
  model(store: Store, part?: string): ReadModel<M> {
    if (!this.hasModel) throw new TypeError(`The projection "${this.name}" has no read model.`);
    if ((this.definition.key === undefined) !== (part === undefined)) {
      throw new TypeError(
        part === undefined
          ? `The projection "${this.name}" has many read models: say which one.`
          : `The projection "${this.name}" has one read model.`,
      );
    }
    return new ReadModel<M>(store, this, part);
  }

  /** @internal The agent of a read model of some version. */
  agent(store: Store, version: number, part?: string): StateAgent<M> {
    return store.agent<M>(modelKey(this.name, version, part), this.modelOptions());
  }

  /** @internal What tells how far it is. */
  checkpoint(store: Store): StateAgent<M> {
    if (!this.isApart) return this.agent(store, this.version);
    const agent = new StateAgent<M>(store.engine, this.checkpointKey, {
      initial: () => ({}) as M,
      retain: { versions: 1 },
    });
    return store.adopt(agent);
  }

  /** @internal The models that an event changes. @throws TypeError */
  partsOf(recorded: Recorded<E>): readonly (string | undefined)[] {
    const { key } = this.definition;
    if (this.handlers === undefined) return [];
    if (key === undefined) return [undefined];
    const parts = key(recorded);
    if (parts === undefined) return [];
    const list = typeof parts === 'string' ? [parts] : parts;
    if (Array.isArray(list) && list.every((part) => typeof part === 'string' && part !== ''))
      return [...new Set(list)];
    throw new TypeError('`key` gives a text that is not empty, a list of such texts, or undefined for none.');
  }

  /**
   * @internal The model after an event; undefined where it was changed in place.
   * @throws TypeError for a promise, and whatever the handler throws
   */
  apply(model: unknown, recorded: Recorded<E>): unknown {
    const { handlers } = this;
    const handler = typeof handlers === 'function' ? handlers : handlers?.get(recorded.event.type);
    const next = handler?.(model, recorded as Recorded<never>);
    if (typeof (next as { then?: unknown } | null | undefined)?.then !== 'function') return next;
    Promise.resolve(next).catch(() => undefined);
    throw new TypeError(
      `What "${this.name}" does on "${recorded.event.type}" gives a promise. It is synchronous, and may run several times: do the slow work in \`each\`.`,
    );
  }

  /**
   * The same models, changed in the commit of each append: for `inline` of the definition of a stream. No processor may run
   * for them then.
   * @throws TypeError where there is no model, or there is more to be done than changing one
   */
  inline(): InlineProjection<E> {
    const { definition } = this;
    if (definition.initial === undefined || definition.each !== undefined || definition.within !== undefined)
      throw new TypeError(`Inline, "${this.name}" can change read models (\`on\`), and nothing else.`);
    const partOf = (recorded: Recorded<E>): string | undefined => {
      const parts = this.partsOf(recorded);
      if (parts.length > 1)
        throw new TypeError(`Inline, an event changes one model of "${this.name}" at most.`);
      return parts.length === 0 ? undefined : modelKey(this.name, this.version, parts[0]);
    };
    return {
      key: partOf,
      initial: definition.initial,
      apply: (model, recorded) => this.apply(model, recorded),
      model: { ...definition.model } as AgentOptions<never>,
    };
  }

  private modelOptions(): AgentOptions<M> {
    const { initial, model } = this.definition;
    return { retain: { versions: KEPT_VERSIONS }, ...model, ...(initial === undefined ? {} : { initial }) };
  }
}

function checkName(name: unknown): void {
  if (typeof name !== 'string') throw new TypeError('`name` is a text: what the projection is known by.');
  if (name.length > 0 && name.length <= MAX_NAME_LENGTH) return;
  throw new RangeError(`\`name\` has 1 to ${MAX_NAME_LENGTH} characters, not ${name.length}.`);
}

/** A handler for a type that there is not would never be called: it is misspelt, or what it was for is gone. */
function checkTypes(handlers: ReadonlyMap<string, Handler>, types: readonly string[] | undefined): void {
  for (const type of types === undefined ? [] : handlers.keys()) {
    if (types?.includes(type)) continue;
    throw new TypeError(
      `on[${JSON.stringify(type)}]: no stream of this projection has events of that type. There are ${types?.join(', ')}.`,
    );
  }
}

function handlersOf(on: unknown): Handler | ReadonlyMap<string, Handler> | undefined {
  if (on === undefined || typeof on === 'function') return on as Handler | undefined;
  const handlers = new Map(Object.entries((on ?? {}) as Record<string, Handler>));
  for (const [type, handler] of handlers) {
    if (typeof handler !== 'function')
      throw new TypeError(`on["${type}"] is a function: (model, recorded) => model.`);
  }
  if (handlers.size > 0) return handlers;
  throw new TypeError('`on` is a function, or an object with one for types of events.');
}
