import type { Opening } from '../schema/opening.js';
import type { AgentOptions } from '../state/agent.js';
import { BackendAgent } from '../state/backend-agent.js';
import type { EngineOptions } from '../state/engine.js';
import type { Retention } from '../state/retention.js';
import { MemoryBackend } from './memory-backend.js';

/** How many versions a VolatileAgent keeps unless told: memory, unlike a disk, is not for keeping everything. */
export const VOLATILE_VERSIONS = 100;

export interface VolatileAgentOptions<S> extends Omit<AgentOptions<S>, 'retain'>, EngineOptions {
  /** What of the past to keep: the newest 100 versions unless told, everything with `'all'`. */
  readonly retain?: Retention | 'all';
}

/**
 * A state in the memory of this process: gone when it ends. The same rules as the durable agents, at the speed of a
 * copy. Values are kept, not text: versions share what they have in common.
 *
 * @typeParam In what the schema accepts; always inferred
 */
export class VolatileAgent<S, In = unknown> extends BackendAgent<S> {
  constructor();
  constructor(options: Opening<VolatileAgentOptions<S>, S, In>);
  constructor(options: Opening<VolatileAgentOptions<S>, S, In> = {}) {
    const given = options as VolatileAgentOptions<S>;
    const { retain = { versions: VOLATILE_VERSIONS }, clock, ...rest } = given;
    const backend = new MemoryBackend(clock === undefined ? {} : { clock });
    const engine = clock === undefined ? rest : { ...rest, clock };
    super(backend, retain === 'all' ? engine : { ...engine, retain }, { ownOptions: [] });
  }
}
