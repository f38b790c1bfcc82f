/** Slots of a Redis Cluster: which one a name lies in, and a name for each. */

const SLOTS = 16_384;

/** The slot that a name lies in: CRC-16 (XMODEM) of what its first braces hold, or of all of it. */
export function slotOf(name: string): number {
  const open = name.indexOf('{');
  const close = open < 0 ? -1 : name.indexOf('}', open + 1);
  const hashed = close > open + 1 ? name.slice(open + 1, close) : name;
  return crc16(Buffer.from(hashed)) % SLOTS;
}

function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** Tags of slots that were found so far: the first number in base 36 that lies in it, always the same. */
const tags = new Map<number, string>();
let tried = 0;

export function tagOfSlot(slot: number): string {
  for (; !tags.has(slot); tried++) {
    const tag = tried.toString(36);
    const found = slotOf(tag);
    if (!tags.has(found)) tags.set(found, tag);
  }
  return tags.get(slot) as string;
}
