import type { BackendCapabilities, BackendLimits } from '../backend.js';

/** What a backend has that claims nothing. */
const NOTHING = {
  durability: 'none',
  sharing: 'process',
  atomicity: 'key',
  feed: false,
  watch: false,
  ttl: false,
  orderedKeys: false,
  values: false,
  materializes: false,
  idempotencyRecords: 1_000,
} as const satisfies Omit<BackendCapabilities, 'limits'>;

/**
 * The capabilities of a backend that claims what is given, and nothing else; frozen. Nor does it claim what later
 * versions of the port may add.
 *
 * @param claimed `limits` in any case; `idempotencyRecords` is 1,000 unless told
 */
export function claiming(
  claimed: Partial<BackendCapabilities> & { readonly limits: BackendLimits },
): BackendCapabilities {
  return Object.freeze({ ...NOTHING, ...claimed, limits: Object.freeze({ ...claimed.limits }) });
}
