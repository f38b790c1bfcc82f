import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend } from '../../backend.js';
import { DgentsError } from '../../errors.js';
import type { StateAgent } from '../../state/agent.js';
import { newOperationId } from '../../state/ids.js';
import { Store } from '../../store.js';
import type { BackendBench } from '../backend-bench.js';
import {
  Ledger,
  type Losses,
  LossyBackend,
  NO_LOSSES,
  seededRandom,
  Turns,
} from '../support/lossy-backend.js';
import { assertTold, type Kind, perform, stateAfter, type Tags, type Told } from '../support/told.js';
import { backendSuite } from './suite.js';

const LOSSES: Losses = { request: 0.1, answer: 0.12, late: 0.1, twice: 0.08, read: 0.08 };

interface World {
  readonly losses: Losses;
  /** Whether old versions are trimmed away all the while, and with them the proof of what happened. */
  readonly trims: boolean;
  readonly timeoutMs: number;
}

interface Step {
  readonly kind: Kind | 'load';
  readonly store: number;
  /** Steps of one flow follow each other; flows run at once. */
  readonly flow: number;
  readonly id: 'none' | 'opaque' | 'dated';
  /** How often it is repeated under the same id after it was acknowledged, by other handles. */
  readonly repeats: number;
}

interface Schedule {
  readonly seed: number;
  readonly steps: readonly Step[];
  /** Whether the engine may use the backend's `find`. */
  readonly find: boolean;
}

const FLOWS = 3;
const STORES = 2;
const ATTEMPTS = 12;
const LONG_MS = 600_000;

/** From so many operation ids on that are remembered, none of a schedule is ever forgotten. */
const ALL_OF_A_SCHEDULE = 100;

const schedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 0 }),
  find: fc.boolean(),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom<Step['kind']>(
        'update',
        'update',
        'update',
        'save',
        'pinned save',
        'delete',
        'load',
      ),
      store: fc.nat(STORES - 1),
      flow: fc.nat(FLOWS - 1),
      id: fc.constantFrom<Step['id']>('none', 'none', 'opaque', 'dated'),
      repeats: fc.constantFrom(0, 0, 1, 2),
    }),
    { minLength: 4, maxLength: 14 },
  ),
});

/**
 * Agents behind a network that loses, delays and repeats, with a ledger at its far end. The store is asked one thing
 * at a time: what it makes of things that happen at once is not the question here.
 */
export const lostReplies = backendSuite(
  'operations',
  ['capabilities', 'values', 'isolation', 'keys', 'history', 'versions', 'retention'],
  (fact) => {
    const over =
      (world: World, { runs, atOnce }: { runs: number; atOnce: number }) =>
      async (bench: BackendBench): Promise<void> => {
        let key = 0;
        const play = new Play(bench.backend, await bench.open(), world);
        const several = fc.array(schedules, { minLength: atOnce, maxLength: atOnce });
        const property = fc.asyncProperty(several, async (schedules) => {
          await Promise.all(schedules.map((schedule) => play.run(schedule, `state-${++key}`)));
        });
        // Time plays a part in these: a smaller schedule would say no more.
        await fc.assert(property, { ...bench.runs(runs), endOnFailure: true });
      };
    fact(
      'over a network that loses, delays and repeats every operation of an agent happens once, and none is in doubt',
      over({ losses: LOSSES, trims: false, timeoutMs: 20_000 }, { runs: 8, atOnce: 6 }),
      LONG_MS,
    );
    fact(
      'deadlines that are too short leave doubt, and repeating under the same id settles it',
      over({ losses: LOSSES, trims: false, timeoutMs: 12 }, { runs: 10, atOnce: 2 }),
      LONG_MS,
    );
    fact(
      'where trims take the proof away there is doubt, and never a guess',
      over({ losses: LOSSES, trims: true, timeoutMs: 300 }, { runs: 6, atOnce: 6 }),
      LONG_MS,
    );
    fact(
      'without losses nothing is ever in doubt',
      over({ losses: NO_LOSSES, trims: false, timeoutMs: 20_000 }, { runs: 4, atOnce: 6 }),
      LONG_MS,
    );
  },
);

class Play {
  readonly #turns = new Turns();

  constructor(
    readonly backend: Backend,
    readonly other: Backend,
    readonly world: World,
  ) {}

  /** Plays one schedule on a state of its own, lets everything arrive, and holds what was told against the ledger. */
  async run({ seed, steps, find }: Schedule, key: string): Promise<void> {
    const { losses, trims, timeoutMs } = this.world;
    const ledger = new Ledger();
    const common = { losses, ledger, find, turns: this.#turns, leavesOpen: true };
    const networks = [this.backend, this.other].map(
      (inner, i) => new LossyBackend(inner, { ...common, seed: seed + i }),
    );
    const random = seededRandom(seed);
    const stores = networks.map((each) => new Store(each, { timeoutMs, random, onWarning: () => undefined }));
    const retain = trims ? { retain: { versions: 2, graceMs: 0 } } : {};
    const handle = (store: number): StateAgent<Tags> =>
      (stores[store] as Store).agent<Tags>(key, { initial: () => [], ...retain });

    const told: Told[] = [];
    const flows = Array.from({ length: FLOWS }, async (_, flow) => {
      const own = stores.map((_, store) => handle(store));
      for (const step of steps.filter((each) => each.flow === flow)) {
        const agent = own[step.store] as StateAgent<Tags>;
        if (step.kind === 'load') await agent.load().catch(typed);
        else await insist(step, step.kind, agent, () => handle(Math.floor(random() * STORES)), told);
      }
    });
    await Promise.all(flows);
    await Promise.all(networks.map((each) => each.settled()));
    for (const each of networks) each.losses = NO_LOSSES;
    await Promise.all(stores.map((store) => store.close()));

    await ledger.complete(this.backend, key);
    assertTold(told, ledger.records);
    await this.#assertState(key, stateAfter(told, ledger.records));
    await this.#assertCertain(told);
  }

  async #assertState(key: string, due: Tags | null): Promise<void> {
    const store = new Store(this.backend, { timeoutMs: 20_000 });
    const state = await store.agent<Tags | null>(key, { initial: () => null }).load();
    assert.deepEqual(state, due, 'the state is not what the operations that happened make of it');
  }

  /** Whoever has time and an untrimmed log to look at finds out. */
  async #assertCertain(told: readonly Told[]): Promise<void> {
    const { trims, timeoutMs } = this.world;
    const { idempotencyRecords } = await this.backend.ready();
    if (trims || timeoutMs < 1_000 || idempotencyRecords < ALL_OF_A_SCHEDULE) return;
    const inDoubt = told.filter(({ outcomes }) => outcomes.includes('OutcomeUnknownError'));
    assert.deepEqual(inDoubt, [], 'an outcome was left in doubt that could have been found out');
  }
}

/** Repeats an operation that may be repeated until it is settled, and as often again as the step says. */
async function insist(
  step: Step,
  kind: Kind,
  first: StateAgent<Tags>,
  another: () => StateAgent<Tags>,
  told: Told[],
): Promise<void> {
  const entry: Told = { tag: told.length + 1, kind, outcomes: [], versions: [] };
  told.push(entry);
  let operationId =
    step.id === 'none' ? undefined : step.id === 'dated' ? newOperationId() : `op-${entry.tag}`;
  let agent = first;
  let repeats = step.repeats;
  try {
    const pinned = kind === 'pinned save' ? { expected: await agent.read() } : {};
    for (let attempt = 0; attempt < ATTEMPTS; attempt++, agent = another()) {
      try {
        const options = { ...pinned, ...(operationId !== undefined && { operationId }) };
        entry.versions.push(await perform(agent, entry, options));
        entry.outcomes.push('done');
        if (operationId === undefined || repeats-- <= 0) return;
      } catch (error) {
        const failure = typed(error);
        entry.outcomes.push(failure.name);
        if (failure.code === 'DGENTS_OUTCOME_UNKNOWN') operationId = idOf(failure);
        else if (operationId === undefined || !failure.retryable) return;
      }
    }
  } catch (error) {
    typed(error);
    if (entry.outcomes.length === 0) entry.outcomes.push('not sent');
  }
}

function idOf(error: DgentsError): string {
  return (error as DgentsError & { readonly operationId: string }).operationId;
}

/** What a network does is told as one of our errors; anything else is a mistake. */
function typed(error: unknown): DgentsError {
  if (!DgentsError.is(error)) throw error;
  return error;
}
