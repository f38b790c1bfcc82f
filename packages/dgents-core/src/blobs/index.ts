/** Large bytes kept out of the logs: `blobs: { store: new FileBlobStore(path) }`. */
export type { BlobAddress, BlobEntry, BlobOptions, BlobStore } from './blob-store.js';
export { type Collected, type CollectOptions, collectGarbage } from './collect-garbage.js';
export { FileBlobStore } from './file-blob-store.js';
