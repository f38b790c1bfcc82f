/** Operation ids: unique, short, and drawn in blocks because the system's generator is slow to ask. */
import { randomFillSync } from 'node:crypto';

/** Fills the bytes with randomness. */
export type RandomBytes = (bytes: Uint8Array) => void;

/** 72 bits: a thousand writers a second for a century stay below one chance in a hundred of any repetition. */
const ID_BYTES = 9;
const BLOCK_BYTES = ID_BYTES * 256;

/** A source of operation ids of 12 characters (base64url). */
export function operationIds(random: RandomBytes = randomFillSync): () => string {
  const block = Buffer.alloc(BLOCK_BYTES);
  let used = BLOCK_BYTES;
  return () => {
    if (used === BLOCK_BYTES) {
      random(block);
      used = 0;
    }
    used += ID_BYTES;
    return block.toString('base64url', used - ID_BYTES, used);
  };
}

/**
 * A new operation id that carries its time of birth (UUID version 7, RFC 9562). On a log whose old records were
 * trimmed away, such an id can still be told from one that was used before; an id without a time cannot.
 * @param now milliseconds since the epoch
 */
export function newOperationId(now: number = Date.now(), random: RandomBytes = randomFillSync): string {
  const bytes = Buffer.alloc(16);
  random(bytes);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** When an id was made, in milliseconds since the epoch, if it is one that tells. */
export function bornAt(id: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
