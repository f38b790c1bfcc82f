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

/**
 * A state in one file that survives the end of the process and, with the default `durability: 'power'`, a power cut
 * after an acknowledged save. Several handles and processes may open the same file.
 */
export class PersistentAgent<S> extends BackendAgent<S> {
  constructor(options: PersistentAgentOptions<S>) {
    super(fileBackend({ ...options, single: true }), options);
  }
}
