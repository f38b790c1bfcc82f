/** What is done with the text of records before it is stored: `transforms: [compress(), encrypt({ keys })]`. */
export { type CompressOptions, compress } from './compress.js';
export { type EncryptOptions, encrypt } from './encrypt.js';
export type { EncryptionKey } from './encryption-keys.js';
export type { TextPlace, Transform, Transformed } from './transform.js';
