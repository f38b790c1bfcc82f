/**
 * A key as bytes: different for different keys, whatever they hold, also NUL and halves of surrogate pairs; in the
 * order of their code points; and those of a prefix come first in those of the whole. That is UTF-16, big end first,
 * with the surrogates moved above all other units. (UTF-8 makes all lone surrogates the same.)
 */
export function bytesOfKey(key: string): Buffer {
  return Buffer.from(turned(key, 0x2000), 'utf16le').swap16();
}

/** The key that {@link bytesOfKey} made these of. */
export function keyOfBytes(bytes: Uint8Array): string {
  return turned(Buffer.from(bytes).swap16().toString('utf16le'), 0x800);
}

/** Surrogates stand for the highest code points, and are not the highest units: this moves them there, or back. */
function turned(text: string, by: number): string {
  const turn = (unit: string) => String.fromCharCode(0xd800 + ((unit.charCodeAt(0) - 0xd800 + by) % 0x2800));
  return text.replace(/[\ud800-\uffff]/g, turn);
}
