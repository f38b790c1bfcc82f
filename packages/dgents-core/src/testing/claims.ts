/** What a subject claims, in words. */

/** `sharing host`, `ttl` … and what is left of the names. */
export function claimsOf(claims: object): {
  readonly claimed: readonly string[];
  readonly notClaimed: readonly string[];
} {
  const claimed: string[] = [];
  const notClaimed: string[] = [];
  for (const [name, value] of Object.entries(claims)) {
    if (value === false || value === 'none') notClaimed.push(name);
    else claimed.push(value === true ? name : `${name} ${value}`);
  }
  return { claimed, notClaimed };
}
