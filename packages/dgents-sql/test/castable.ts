/** States of every kind that JSON has trouble with, for a cast of what is stored to the JSON of a database. */
import { Codec, Store } from 'dgents-core';
import fc from 'fast-check';
import type { SqlBackend } from '../src/urls.js';

const codec = new Codec();

const values = fc.anything({
  key: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\0', '\ud800', '$', '$date', '__proto__', ''),
  ),
  values: [
    fc.string({ unit: 'binary' }),
    fc.string().map((text) => `${text}\0\ud800\u2028`),
    fc.double(),
    fc.bigInt(),
    fc.date(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, 1e308, 5e-324, 1e21),
  ],
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  maxDepth: 4,
});

/** Saves 200 of them; each is one version of the state `castable`. */
export async function saveCastable(backend: SqlBackend): Promise<void> {
  const agent = new Store(backend).agent('castable');
  let made = 0;
  for (const value of fc.sample(values, { seed: 7, numRuns: 400 })) {
    try {
      codec.encode(codec.copy(value).value);
    } catch {
      continue; // Not a state: refused before anything is written.
    }
    if (value === undefined) continue;
    await agent.save(value, { expected: 'any' });
    if (++made === 200) return;
  }
  throw new RangeError(`only ${made} of the values are states`);
}
