/**
 * A spread takes over the whole shape of an object at once, five times faster than adding key by key, but only as long
 * as one place in the code sees no more than four shapes. So there are sixteen places, chosen by the number of keys.
 */
export function spread(source: Record<string, unknown>, keyCount: number): Record<string, unknown> {
  switch (keyCount) {
    case 1:
      return { ...source };
    case 2:
      return { ...source };
    case 3:
      return { ...source };
    case 4:
      return { ...source };
    case 5:
      return { ...source };
    case 6:
      return { ...source };
    case 7:
      return { ...source };
    case 8:
      return { ...source };
    case 9:
      return { ...source };
    case 10:
      return { ...source };
    case 11:
      return { ...source };
    case 12:
      return { ...source };
    case 13:
      return { ...source };
    case 14:
      return { ...source };
    case 15:
      return { ...source };
    default:
      return { ...source };
  }
}
