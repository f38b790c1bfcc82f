export { FileBackend, fileBackend } from './file-backend.js';
export type { FileStat, FileSystem, OpenHow } from './file-system.js';
export type { RepairReport } from './journal-file.js';
export { NodeFileSystem } from './node-file-system.js';
export type { FileBackendOptions } from './options.js';
