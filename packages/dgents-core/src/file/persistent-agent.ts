import type { OptionNames } from '../option-names.js';
import type { Opening } from '../schema/opening.js';
import type { AgentOptions } from '../state/agent.js';
import { BackendAgent } from '../state/backend-agent.js';
import type { EngineOptions } from '../state/engine.js';
import { fileBackend } from './file-backend.js';
import type { FileBackendOptions } from './options.js';

export interface PersistentAgentOptions<S>
  extends AgentOptions<S>,
    EngineOptions,
    Omit<FileBackendOptions, 'path' | 'single' | 'clock' | 'random'> {
  /** The file; created with its folders at the first write. Relative to the working directory. */
  readonly path: string;
}

const OPTIONS: OptionNames<Omit<FileBackendOptions, 'single' | 'clock' | 'random'>> = {
  path: true,
  durability: true,
  format: true,
  mode: true,
  maxOpenFiles: true,
  fileSystem: true,
  onRepair: true,
};

/**
 * A state in one file that survives the end of the process and, with the default `durability: 'power'`, a power cut
 * after an acknowledged save. Several handles and processes may open the same file.
 *
 * @typeParam In what the schema accepts; always inferred
 */
export class PersistentAgent<S, In = unknown> extends BackendAgent<S> {
  constructor(options: Opening<PersistentAgentOptions<S>, S, In>);
  constructor(options: PersistentAgentOptions<S>) {
    super(fileBackend({ ...options, single: true }), options, { ownOptions: Object.keys(OPTIONS) });
  }
}
