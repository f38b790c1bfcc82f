import { assertHolds, put } from '../support/tally.js';
import { streamSuite } from './suite.js';

const NAMES = [
  'a', 'A', 'a:', 'a:1', 'a/1', 'a_1', 'a%1', 'a.1', '../a', 'a b', 'é', 'e\u0301', '😀', '__proto__', 'constructor', "';--",
  'x'.repeat(200), `${'x'.repeat(199)}y`,
]; // biome-ignore format: a list

export const keys = streamSuite('keys', ['capabilities', 'values'], (fact) => {
  fact('streams under different keys share nothing, however alike the keys are', async (bench) => {
    for (const [i, key] of NAMES.entries()) await (await bench.open({ key })).append([put(i), put(100 + i)]);
    for (const [i, key] of [...NAMES.entries()].reverse())
      await (await bench.open({ key })).append(put(200 + i));
    for (const [i, key] of NAMES.entries())
      await assertHolds(bench, [put(i), put(100 + i), put(200 + i)], key);
  });
});
