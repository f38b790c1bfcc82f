import fc from 'fast-check';
import { PROMISES, type PromiseName } from '../promises.js';
import { backendSuite } from './suite.js';
import { type Program, programs } from './together/commands.js';
import type { Model } from './together/model.js';
import { readLimited, readNow } from './together/reads.js';
import { Real } from './together/real.js';

/** Everything else: where anything is broken, it has been said more clearly already. */
const OTHERS = (Object.keys(PROMISES) as PromiseName[]).filter((name) => name !== 'together');

/** What is not durable is fast. */
const IN_MEMORY = 200;
const DURABLE = 30;

export const together = backendSuite('together', OTHERS, (fact, { claims }) => {
  fact(
    'whatever is called in whatever order, on several keys and handles, agrees with a list of records for each key',
    async (bench) => {
      const real = new Real(bench);
      const run = async (program: Program): Promise<void> => {
        const model: Model = { logs: new Map() };
        await fc.asyncModelRun(() => ({ model, real: real.begin() }), program);
        await lookAtAll(model, real);
      };
      await fc.assert(
        fc.asyncProperty(programs(claims), run),
        bench.runs(claims.durability === 'none' ? IN_MEMORY : DURABLE),
      );
    },
    1_800_000,
  );
});

/** Whatever a program has made of a log is worth a look, also where the program took none. */
async function lookAtAll(model: Model, real: Real): Promise<void> {
  for (const [i, key] of [...model.logs.keys()].entries()) {
    await readNow.run(model, real, { key, handle: i });
    await readLimited.run(model, real, { key, handle: i, limit: 2 });
  }
}
