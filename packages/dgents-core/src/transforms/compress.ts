import { constants as buffers } from 'node:buffer';
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from 'node:zlib';
import { StateCorruptionError, StateTooLargeError } from '../errors.js';
import type { TextPlace, Transform } from './transform.js';

export interface CompressOptions {
  /** What to write; both are read. `gzip` unless told; `brotli` is smaller and takes longer. */
  readonly format?: 'gzip' | 'brotli';
  /** Texts below this stay as they are, in bytes; 1,024 unless told. */
  readonly minBytes?: number;
  /** How hard to try: 1 to 9 for gzip (6 unless told), 0 to 11 for brotli (5 unless told; above 9 takes very long). */
  readonly level?: number;
}

/** Below this, little is saved, and a patch of a few fields stays readable. */
const DEFAULT_MIN_BYTES = 1024;

/** Base64, in which stores keep bytes, takes four characters for three: what saves less than that is not kept. */
const WORTH_IT = 0.75;

/** Brotli's own default, 11, takes two hundred times as long as this for a tenth less. */
const BROTLI_LEVEL = 5;

const FORMATS = {
  gzip: { name: 'gzip', levels: [1, 9], level: 6 },
  brotli: { name: 'br', levels: [0, 11], level: BROTLI_LEVEL },
} as const;

/**
 * Makes large records and checkpoints smaller. Small ones, and those that hardly shrink, stay as they are. What was
 * written with any format and level is read, and so is what was written without; unpacking stops at the codec's
 * `maxBytes`, whatever the text claims.
 *
 * Before `encrypt`, never after it; and what that gives away is in docs/guide/encryption.md.
 *
 * @throws TypeError or RangeError for options that are none
 */
export function compress({
  format = 'gzip',
  minBytes = DEFAULT_MIN_BYTES,
  level,
}: CompressOptions = {}): Transform {
  if (!Object.hasOwn(FORMATS, format)) {
    throw new TypeError(`compress: \`format\` is 'gzip' or 'brotli', not ${JSON.stringify(format)}.`);
  }
  const { name, levels, level: usual } = FORMATS[format];
  const [lowest, highest] = levels;
  const used = level ?? usual;
  if (!Number.isInteger(used) || used < lowest || used > highest) {
    throw new RangeError(`compress: \`level\` is a whole number from ${lowest} to ${highest} for ${format}.`);
  }
  if (!Number.isSafeInteger(minBytes) || minBytes < 0) {
    throw new RangeError('compress: `minBytes` is a whole number from 0 on.');
  }
  return {
    required: false,
    encrypts: false,
    apply(bytes) {
      if (bytes.length < minBytes) return undefined;
      const packed = pack(bytes, name, used);
      return packed.length < bytes.length * WORTH_IT ? { name, bytes: packed } : undefined;
    },
    knows: (other) => other === 'gzip' || other === 'br',
    undo: (bytes, other, _applied, place, maxBytes) => unpack(bytes, other, place, maxBytes),
  };
}

function pack(bytes: Uint8Array, name: 'gzip' | 'br', level: number): Buffer {
  if (name === 'gzip') return gzipSync(bytes, { level });
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT } = constants;
  return brotliCompressSync(bytes, {
    params: {
      [BROTLI_PARAM_QUALITY]: level,
      [BROTLI_PARAM_SIZE_HINT]: bytes.length,
      [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT,
    },
  });
}

/** What zlib and brotli say of bytes that they did not make; whatever else they say is not about the bytes. */
const DAMAGE = /^(Z_DATA_ERROR|Z_BUF_ERROR|Z_NEED_DICT|ERR_+ERROR_FORMAT_.*)$/;

function unpack(bytes: Uint8Array, name: string, { key, version }: TextPlace, maxBytes: number): Buffer {
  const limitBytes = Math.min(maxBytes, buffers.MAX_LENGTH);
  try {
    const options = { maxOutputLength: limitBytes };
    return name === 'gzip' ? gunzipSync(bytes, options) : brotliDecompressSync(bytes, options);
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code);
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new StateTooLargeError(
        `Version ${version} of "${key}" unpacks to more than ${limitBytes} bytes (codec option maxBytes). It was left as it is.`,
        { bytes: limitBytes + 1, limitBytes, key, cause },
      );
    }
    if (!DAMAGE.test(code)) throw cause;
    throw new StateCorruptionError(
      `Version ${version} of "${key}" cannot be unpacked: it is no ${name === 'gzip' ? 'gzip' : 'brotli'} as it was written. It was left as it is.`,
      { key, cause },
    );
  }
}
