/**
 * Compares two texts by code point, the order that UTF-8 bytes and other languages give. JavaScript's own `<`
 * compares UTF-16 units, which puts `'\u{10000}'` (a pair from 0xD800 on) before `'\uFFFF'`.
 */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates move above all other units, since the code points they form are above U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
