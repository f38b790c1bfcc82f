/** Small programs of several stores, under every order of events that a scheduler can think of. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend } from '../../../backend.js';
import { DgentsError } from '../../../errors.js';
import type { StateAgent } from '../../../state/agent.js';
import { Store } from '../../../store.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { seededRandom } from '../../support/lossy-backend.js';
import { all } from '../../support/records.js';
import { ScheduledBackend } from '../../support/scheduled-backend.js';
import { assertTold, type Kind, perform, stateAfter, type Tags, type Told } from '../../support/told.js';

type Step = Kind | 'load';

/** What each store does, one step after the other; the stores run at once. */
type Program = readonly (readonly Step[])[];

const programs: fc.Arbitrary<Program> = fc.array(
  fc.array(fc.constantFrom<Step>('update', 'update', 'update', 'save', 'pinned save', 'delete', 'load'), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 2, maxLength: 3 },
);

export function statePrograms(fact: Facts<BackendBench>): void {
  fact(
    'whatever overtakes what, stores that update, save and delete one state lose nothing',
    async (bench) => {
      const handles = [bench.backend, await bench.open(), await bench.open()];
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), programs, async (scheduler, program) => {
          // One handle for two of them: what a handle does for itself must hold between its users too.
          const backends = program.map((_, i) => handles[i === 2 ? 0 : i] as Backend);
          await run(scheduler, program, backends, `state-${++runs}`);
        }),
        bench.runs(40),
      );
    },
    600_000,
  );
}

async function run(
  scheduler: fc.Scheduler,
  program: Program,
  backends: readonly Backend[],
  key: string,
): Promise<void> {
  const told: Told[] = [];
  const flows = program.map(async (steps, i) => {
    const backend = new ScheduledBackend(backends[i] as Backend, `store ${i}`, scheduler);
    const store = new Store(backend, {
      timeoutMs: 20_000,
      random: seededRandom(i),
      onWarning: () => undefined,
    });
    const agent = store.agent<Tags>(key, { initial: () => [] });
    for (const kind of steps) {
      if (kind === 'load') await agent.load().catch(allowed);
      else await attempt(agent, kind, told);
    }
    await store.close();
  });
  await scheduler.waitFor(Promise.all(flows));
  const [backend] = backends as [Backend];
  const log = await all(backend.range(key));
  assertTold(told, log);
  const due = stateAfter(told, log);
  const state = await new Store(backend).agent<Tags | null>(key, { initial: () => null }).load();
  assert.deepEqual(state, due, 'the state is not what the operations in its log make of it');
}

async function attempt(agent: StateAgent<Tags>, kind: Kind, told: Told[]): Promise<void> {
  const entry: Told = { tag: told.length + 1, kind, outcomes: [], versions: [] };
  told.push(entry);
  try {
    const expected = kind === 'pinned save' ? { expected: await agent.read() } : {};
    entry.versions.push(await perform(agent, entry, expected));
    entry.outcomes.push('done');
  } catch (error) {
    allowed(error);
    entry.outcomes.push((error as Error).name);
  }
}

/** A save that lost says so. Nothing else may go wrong where nothing fails. */
function allowed(error: unknown): void {
  if (!DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) throw error;
}
