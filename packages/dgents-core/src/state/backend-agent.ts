/** What named agent classes extend: one state, and the backend that it lies in. */
import type { Backend, Head } from '../backend.js';
import type { Json } from '../codec/codec.js';
import type { CallOptions } from '../data-agent.js';
import { checkKey } from '../keys.js';
import { checkOptions } from '../option-names.js';
import { type AgentOptions, StateAgent } from './agent.js';
import { AGENT_OPTIONS, ENGINE_OPTIONS } from './agent-option-names.js';
import { remainingMs } from './deadlines.js';
import type { DefinitionOptions } from './definition.js';
import { Engine, type EngineOptions } from './engine.js';

/** The key of the one state that an agent with a backend of its own has. */
const OWN_KEY = 'state';

/** Where the state of a {@link BackendAgent} is. */
export interface BackendAgentPlace {
  /** The address of the state; `state` unless told. */
  readonly key?: string | undefined;
  /** The backend belongs to the caller, who may share it: closing the agent leaves it open. */
  readonly shared?: boolean;
  /**
   * Names of options that the agent class takes beside those of every agent, `[]` where there are none. With them, all
   * others are refused as misspelt.
   */
  readonly ownOptions?: readonly string[];
}

/** A state as it is stored, not decoded. */
export interface StoredState {
  readonly head: Head;
  /** The document (docs/formats/codec.md) as text; null where it was deleted, or the log holds events only. */
  readonly text: string | null;
  /** The schema version it was written under. */
  readonly schema: number;
}

/**
 * A state on a backend. Extend it to give a backend an agent class of its own; a store of many agents is
 * {@link Store}.
 */
export class BackendAgent<S> extends StateAgent<S> {
  readonly #engine: Engine;
  readonly #definitionOptions: DefinitionOptions<unknown>;

  /**
   * @throws InvalidKeyError when the key is too long or starts with `$`
   * @throws TypeError for an option that is not known, where `ownOptions` are given
   */
  constructor(
    backend: Backend,
    options: AgentOptions<S> & EngineOptions = {},
    { key = OWN_KEY, shared = false, ownOptions }: BackendAgentPlace = {},
  ) {
    if (ownOptions !== undefined) {
      const own = Object.fromEntries(ownOptions.map((name) => [name, true] as const));
      checkOptions(new.target.name, options, { ...own, ...AGENT_OPTIONS, ...ENGINE_OPTIONS });
    }
    const engine = new Engine(backend, options);
    checkKey(key, engine.port.limits);
    super(engine, key, options, () => engine.close([], { keepBackend: shared }));
    this.#engine = engine;
    this.#definitionOptions = options as DefinitionOptions<unknown>;
  }

  /** What is stored under a key; undefined where there is no log. */
  protected async stored(key: string, options?: CallOptions): Promise<StoredState | undefined> {
    const engine = this.#engine;
    const call = engine.call(options, engine.timeoutMs);
    await engine.ready(call);
    const { reader, definition } = engine.cell(engine.define(this.#definitionOptions), key);
    // What is given here is written down as it is, beside the log.
    definition.wrapping.assertFits(engine.port, engine.backend.name);
    const found = await engine.within(reader.stored(remainingMs(call)), call, key);
    if (found === undefined) return undefined;
    const { head, document, schema } = found;
    return { head, text: document === undefined || head.deleted ? null : JSON.stringify(document), schema };
  }

  /**
   * The state that a stored text stands for: decoded, migrated and validated as if it had been loaded.
   *
   * @throws StateCorruptionError, MigrationError, StateValidationError
   */
  protected revive(text: string, schema: number, key: string): S {
    const definition = this.#engine.define(this.#definitionOptions);
    const document: Json = definition.codec.parse(text, { key });
    return definition.revive(document, schema, key).value as S;
  }
}
