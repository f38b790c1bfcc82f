export type { ClassCodec } from './classes.js';
export { Codec, type CodecOptions, type Copied } from './codec.js';
export type { Json } from './json.js';
export { escapeKey, isPlainKey, unescapeKey } from './keys.js';
export type { Kind } from './kinds.js';
export { jsonBytes } from './measure.js';
export { formatPath, type PathSegment } from './path.js';
export { EXOTIC, KEYED_BY_OBJECTS, TAGGED, type Traits } from './traits.js';
