/** The primitives that JSON cannot hold. */

/** NaN, the infinities and -0. */
export function isOddNumber(value: number): boolean {
  return value - value !== 0 || (value === 0 && 1 / value < 0);
}
