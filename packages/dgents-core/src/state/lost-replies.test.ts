/**
 * Exactly once, over a network that loses, delays and repeats: thousands of random schedules of several stores, and a
 * ledger below the network that knows what really happened. DGENTS_SEED repeats a run,
 * DGENTS_RUNS=10 makes it ten times as long.
 */
import fc from 'fast-check';
import type { Backend, LogRecord } from '../backend.js';
import type { WriteOptions } from '../data-agent.js';
import { DgentsError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import {
  Ledger,
  type Losses,
  LossyBackend,
  NO_LOSSES,
  seededRandom,
} from '../testing/support/lossy-backend.js';
import type { StateAgent } from './agent.js';
import { newOperationId } from './ids.js';

const SEED = Number(process.env['DGENTS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** More of everything, for a longer search. */
const TIMES = Number(process.env.DGENTS_RUNS ?? 1);
const AT_ONCE = 200;

/** A state that tells which operations went into it. */
type Tags = readonly number[];

interface Step {
  readonly kind: 'update' | 'save' | 'pinned save' | 'delete' | 'load';
  readonly store: number;
  /** Steps of one flow follow each other; flows run at once. */
  readonly flow: number;
  /** A new handle for this step, or the flow's own. */
  readonly fresh: boolean;
  readonly id: 'none' | 'opaque' | 'dated';
  /** How often it is repeated with the same id after it was acknowledged, from other handles. */
  readonly repeats: number;
  /** Whether the next step of the flow waits for this one. */
  readonly awaited: boolean;
}

interface Schedule {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly find: boolean;
}

const FLOWS = 3;
const STORES = 2;

const stepOf: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('update', 'update', 'update', 'save', 'pinned save', 'delete', 'load'),
  store: fc.nat(STORES - 1),
  flow: fc.nat(FLOWS - 1),
  fresh: fc.boolean(),
  id: fc.constantFrom('none', 'none', 'opaque', 'dated'),
  repeats: fc.constantFrom(0, 0, 1, 2),
  awaited: fc.boolean(),
});

const scheduleOf = fc.record({
  seed: fc.integer({ min: 0 }),
  steps: fc.array(stepOf, { minLength: 4, maxLength: 16 }),
  find: fc.boolean(),
});

/** What became of one operation, over all of its attempts. */
interface Told {
  readonly tag: number;
  readonly kind: Step['kind'];
  readonly outcomes: string[];
  /** Versions at which it was said to have happened. */
  readonly versions: number[];
}

interface World {
  readonly losses: Losses;
  readonly trims: boolean;
  readonly timeoutMs: number;
}

async function play(
  schedule: Schedule,
  world: World,
): Promise<{ told: Told[]; records: readonly LogRecord[]; final: Tags | null; version: number }> {
  const ledger = new Ledger();
  const logs = memoryBackend({ values: schedule.seed % 2 === 0 });
  const open = (seed: number): LossyBackend =>
    new LossyBackend(memoryBackend({ sharing: logs }), {
      seed,
      losses: world.losses,
      ledger,
      find: schedule.find,
    });
  const backends = Array.from({ length: STORES }, (_, index) => open(schedule.seed + index));
  const options = {
    timeoutMs: world.timeoutMs,
    random: seededRandom(schedule.seed),
    onWarning: () => undefined,
  };
  const stores = backends.map((backend: Backend) => new Store(backend, options));
  const retain = world.trims ? { retain: { versions: 2, graceMs: 0 } } : {};
  const handle = (store: number): StateAgent<Tags> =>
    (stores[store] as Store).agent<Tags>('k', { initial: () => [], ...retain });
  const random = seededRandom(schedule.seed ^ 0x5eed);

  const told: Told[] = [];
  async function perform(step: Step, agent: StateAgent<Tags>, tag: number): Promise<void> {
    if (step.kind === 'load') return void (await agent.load().catch(allowed));
    const entry: Told = { tag, kind: step.kind, outcomes: [], versions: [] };
    told.push(entry);
    let expected: WriteOptions & { expected?: never } = {};
    if (step.kind === 'pinned save') {
      try {
        expected = { expected: (await agent.read()) as never };
      } catch (error) {
        allowed(error);
        entry.outcomes.push('not sent');
        return;
      }
    }
    let operationId = step.id === 'none' ? undefined : step.id === 'opaque' ? `op-${tag}` : newOperationId();
    let repeats = step.repeats;
    let on = agent;
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const write = { meta: { tag }, ...expected, ...(operationId === undefined ? {} : { operationId }) };
      try {
        entry.versions.push(await once(on, step.kind, tag, write));
        entry.outcomes.push('done');
        if (operationId === undefined || repeats-- <= 0) return;
      } catch (error) {
        allowed(error);
        const { name } = error as DgentsError;
        entry.outcomes.push(name);
        if (name === 'OutcomeUnknownError')
          operationId = (error as unknown as { operationId: string }).operationId;
        else if (operationId === undefined || !(error as DgentsError).retryable) return;
      }
      on = handle(Math.floor(random() * STORES));
      if (random() < 0.3) await on.load().catch(allowed);
    }
  }

  let tag = 0;
  const flows = Array.from({ length: FLOWS }, async (_, flow) => {
    const own = Array.from({ length: STORES }, (_unused, store) => handle(store));
    const pending: Promise<void>[] = [];
    for (const step of schedule.steps) {
      if (step.flow !== flow) continue;
      tag += 1;
      const done = perform(
        step,
        step.fresh ? handle(step.store) : (own[step.store] as StateAgent<Tags>),
        tag,
      );
      pending.push(done);
      if (step.awaited) await done;
    }
    await Promise.all(pending);
  });
  await Promise.all(flows);
  await Promise.all(backends.map((backend) => backend.settled()));
  for (const backend of backends) backend.losses = NO_LOSSES;
  await Promise.all(stores.map((store) => store.close()));
  await Promise.all(backends.map((backend) => backend.settled()));
  const { head } = await logs.read('k');
  const final = head === null || head.deleted ? null : await new Store(logs).agent<Tags>('k').load();
  return { told, records: ledger.records, final, version: head?.version ?? 0 };
}

/** One attempt; the version at which it happened, or 0 for a delete that found nothing. */
async function once(
  agent: StateAgent<Tags>,
  kind: Step['kind'],
  tag: number,
  options: WriteOptions,
): Promise<number> {
  if (kind === 'update') return (await agent.update((tags) => [...tags, tag], options)).version;
  if (kind === 'delete') return (await agent.delete(options)) ? -1 : 0;
  return agent.save([tag], options);
}

function allowed(error: unknown): void {
  if (!DgentsError.is(error)) throw error;
}

/** Fails with the schedule unless what was told is what happened. */
function judge({ told, records, final, version }: Awaited<ReturnType<typeof play>>, world: World): void {
  expect(records.map((record) => record.version)).toEqual(records.map((_, index) => index + 1));
  expect(version).toBe(records.length);
  const happened = new Map<number, LogRecord[]>();
  for (const record of records) {
    const { tag } = record.meta as { tag: number };
    happened.set(tag, [...(happened.get(tag) ?? []), record]);
  }
  let state: Tags | null = null;
  const kinds = new Map(told.map(({ tag, kind }) => [tag, kind]));
  for (const record of records) {
    const { tag } = record.meta as { tag: number };
    const kind = kinds.get(tag);
    state = kind === 'delete' ? null : kind === 'update' ? [...(state ?? []), tag] : [tag];
  }
  expect(final).toEqual(state);
  for (const { tag, outcomes, versions } of told) {
    const written = happened.get(tag) ?? [];
    const about = `operation ${tag}, told ${outcomes.join(', ')}`;
    expect([about, written.length <= 1]).toEqual([about, true]);
    for (const at of versions) {
      if (at > 0) expect([about, written[0]?.version]).toEqual([about, at]);
      else if (at < 0) expect([about, written.length]).toEqual([about, 1]);
      else if (outcomes.length === 1) expect([about, written.length]).toEqual([about, 0]);
    }
    const certain = outcomes.every((outcome) => outcome !== 'done' && outcome !== 'OutcomeUnknownError');
    if (certain) expect([about, written.length]).toEqual([about, 0]);
    if (!world.trims && world.timeoutMs > 1000)
      expect([about, outcomes]).toEqual([about, expect.not.arrayContaining(['OutcomeUnknownError'])]);
  }
}

async function check(count: number, world: World): Promise<void> {
  const schedules = fc.sample(scheduleOf, { numRuns: count, seed: SEED });
  for (let start = 0; start < count; start += AT_ONCE) {
    const batch = schedules.slice(start, start + AT_ONCE);
    const results = await Promise.all(batch.map((schedule) => play(schedule, world)));
    for (const [index, result] of results.entries()) {
      try {
        judge(result, world);
      } catch (error) {
        const schedule = JSON.stringify(batch[index]);
        throw new Error(
          `DGENTS_SEED=${SEED}, schedule ${start + index}: ${schedule}\n${JSON.stringify(result.told)}\n${JSON.stringify(result.records)}`,
          {
            cause: error,
          },
        );
      }
    }
  }
}

const LOSSES: Losses = { request: 0.1, answer: 0.12, late: 0.1, twice: 0.08, read: 0.08 };

describe('over a network that loses, delays and repeats', () => {
  test(
    'every operation happens once, is never denied, and its outcome is always found out in time',
    async () => {
      await check(400 * TIMES, { losses: LOSSES, trims: false, timeoutMs: 20_000 });
    },
    120_000 * TIMES,
  );

  test(
    'short deadlines leave doubt, and repeating with the id settles it',
    async () => {
      await check(200 * TIMES, { losses: LOSSES, trims: false, timeoutMs: 12 });
    },
    120_000 * TIMES,
  );

  test(
    'trims that take the proof away leave doubt, and never a guess',
    async () => {
      await check(400 * TIMES, { losses: LOSSES, trims: true, timeoutMs: 400 });
    },
    120_000 * TIMES,
  );

  test(
    'without losses nothing is ever in doubt',
    async () => {
      await check(200 * TIMES, { losses: NO_LOSSES, trims: false, timeoutMs: 20_000 });
    },
    120_000 * TIMES,
  );
});
