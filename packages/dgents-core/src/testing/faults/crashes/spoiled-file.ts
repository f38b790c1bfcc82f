/** What a fault that processes bring out is made of, as the module that they import sees it. */
import type { BackendCapabilities } from '../../../backend.js';
import type { FaultNote } from '../fault.js';
import type { ToyFile } from './toy-file.js';

export interface SpoiledFile extends FaultNote {
  readonly of: 'backend' | 'agent' | 'stream';
  /** Who may open the same file; other processes of this host unless told. */
  readonly sharing?: BackendCapabilities['sharing'];
  /** The file that goes wrong. */
  readonly file: new (
    path: string,
  ) => ToyFile;
}
