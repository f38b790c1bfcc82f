/** What the kit tells the author of a subject, beside what holds and what fails. */
import type { DataAgent, WatchOptions } from '../data-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { spoiledAgent } from './faults/spoiled-agent.js';
import { type BackendSubject, type FactReport, runAgentKit, runBackendKit, runWrapperKit } from './index.js';
import { failureOf, refuses, rejects } from './support/assertions.js';
import { NotJudged } from './support/verdicts.js';

type Memory = ReturnType<typeof memoryBackend>;

/** A store in memory that keeps text. */
const MEMORY: BackendSubject<Memory> = {
  name: 'memory',
  claims: { atomicity: 'store', feed: 'global', watch: true, ttl: true, orderedKeys: true, find: true },
  create: () => memoryBackend({ values: false }),
  open: (place) => memoryBackend({ sharing: place }),
  destroy: (place) => place.close(),
};

test('who claims to survive a power cut is told that no power was cut, and who claims less is not', async () => {
  for (const durability of ['power', 'process'] as const) {
    const claims = { ...MEMORY.claims, durability };
    const { facts } = await runBackendKit({ ...MEMORY, claims }, { only: 'power cut' });
    const agent = { ...MEMORY, claims: { durability }, open: () => Promise.reject(new Error('not opened')) };
    const ofAgent = await runAgentKit(agent, { only: 'power cut' });
    const told = [...facts, ...ofAgent.facts].map(({ promise, outcome, reason }) => [
      promise,
      outcome,
      reason,
    ]);
    const entry = ['durability', 'untested', 'a power cut: the kit can only kill processes'];
    expect(told).toEqual(durability === 'power' ? [entry, entry, entry] : []);
  }
});

test('claims that need processes fail by themselves without `importFrom`, and blame nothing that rests on them', async () => {
  const claims = { ...MEMORY.claims, durability: 'process', sharing: 'host' } as const;
  const open = (place: Memory) => {
    const backend = memoryBackend({ sharing: place });
    const capabilities = { ...backend.capabilities, durability: 'process', sharing: 'host' } as const;
    return Object.assign(backend, { capabilities, ready: async () => capabilities });
  };
  const near = ['versions', 'concurrency', 'durability', 'crashes'];
  const skip = ({ promise }: { promise: string }): boolean => !near.includes(promise);
  const { facts } = await runBackendKit({ ...MEMORY, claims, open }, { skip });
  expect(facts.filter(({ outcome }) => outcome === 'not judged')).toEqual([]);
  const failed = facts.filter(({ outcome }) => outcome === 'fails');
  expect(failed.map(({ promise, about, name }) => [promise, about, name])).toEqual([
    ['concurrency', undefined, 'what is claimed can be tested in processes of its own: sharing "host"'],
    ['crashes', undefined, 'what is claimed can be tested in processes of its own: durability "process"'],
    ['concurrency', 'agents on it', 'what is claimed can be tested in processes of its own: sharing "host"'],
    [
      'crashes',
      'agents on it',
      'what is claimed can be tested in processes of its own: durability "process"',
    ],
  ]);
}, 120_000);

test('a hook `damage` that changes nothing is told of, and not blamed on the backend alone', async () => {
  const { facts } = await runBackendKit({ ...MEMORY, damage: () => undefined }, { only: 'errors' });
  const failed = facts.filter(({ outcome }) => outcome === 'fails');
  expect(failed.map(({ name }) => name)).toEqual(
    facts.filter(({ name }) => name.includes('damaged')).map(({ name }) => name),
  );
  expect(failed.length).toBe(3);
  for (const { reason } of failed) expect(reason).toContain('or `damage` changed nothing that is read');
});

test('what cannot be judged is told in one line, whatever the runner shows of an error', () => {
  const error = new NotJudged(['keys', 'versions']);
  expect(error.stack).toBe(
    'NotJudged: Not judged: this rests on keys, versions, which failed. Mend that first.',
  );
});

test('what had to be refused is told with what came instead, and with the error that came as cause', async () => {
  const code = 'DGENTS_STATE_CORRUPTION';
  const resolved = await failureOf(rejects(Promise.resolve({ head: null }), code));
  expect(resolved).toHaveProperty(
    'message',
    `the call resolved with {"head":null}, and had to reject with ${code}`,
  );
  const taken = await failureOf(refuses(Promise.resolve(1), 'RangeError', 'a limit of -1'));
  expect(taken).toHaveProperty(
    'message',
    'a limit of -1 resolved with 1, and had to be refused with a RangeError',
  );
  const cause = new TypeError('db is undefined');
  const other = await failureOf(rejects(Promise.reject(cause), code));
  expect(other).toMatchObject({ name: 'AssertionError', cause });
  expect(other).toHaveProperty('message', `rejected with TypeError: db is undefined, not with ${code}`);
});

test('a claim, or a promise to waive, that does not exist is refused with what there is', () => {
  const withClaims = (claims: object) => () => runBackendKit({ ...MEMORY, claims });
  expect(withClaims({ durability: 'disk' })).toThrow(
    "`durability` cannot be claimed as 'disk'. There are: 'none', 'process', 'power', 'unknown'.",
  );
  expect(withClaims({ watch: 'yes' })).toThrow("`watch` cannot be claimed as 'yes'. There are: true, false.");
  expect(withClaims({ durabilty: 'power' })).toThrow('Nothing to claim is called durabilty.');
  const waivers: object = { crash: 'no processes' };
  expect(() => runBackendKit({ ...MEMORY, waivers })).toThrow('No promise to waive is called crash.');
});

test('a place that is undefined is told of, and blames no promise', async () => {
  const { facts } = await runBackendKit(
    { ...MEMORY, create: () => undefined as never },
    { only: 'a prefix is' },
  );
  expect(facts.length).toBeGreaterThan(1);
  for (const { outcome, reason } of facts) {
    expect([outcome, reason]).toEqual(['fails', expect.stringContaining('`create` gives undefined')]);
  }
});

test('a run that is ended by its signal reports the facts that were over, and how many there are', async () => {
  const ending = new AbortController();
  const onFact = ({ promise }: FactReport): void => {
    if (promise === 'values') ending.abort();
  };
  const report = await runBackendKit(MEMORY, { onFact, signal: ending.signal });
  expect(report.interrupted).toBe(true);
  expect(report.facts.filter(({ promise }) => promise === 'values')).toHaveLength(1);
  // Those of the agents on it come later.
  const told = report.facts.filter(({ promise }) => promise === 'capabilities');
  expect(told.length).toBeLessThan(report.planned.get('capabilities') ?? 0);
  expect(report.planned.get('versions')).toBeGreaterThan(20);
  const whole = await runBackendKit(MEMORY, { only: 'a prefix is' });
  expect([whole.interrupted, whole.facts.length < (whole.planned.get('keys') ?? 0)]).toEqual([false, true]);
});

test('what a wrapper loses on the way is told in words: the option, what it was, and what arrived', async () => {
  const wrap = (inner: DataAgent<unknown>): DataAgent<unknown> =>
    spoiledAgent(inner, {
      save: (state: unknown) => inner.save(state),
      watch: ({ pollMs: _, ...options }: WatchOptions = {}) => inner.watch(options),
      history: () => inner.history(),
      load: () => inner.load(),
    });
  const { facts } = await runWrapperKit({ name: 'forgetful', wrap }, { only: 'forwarding' });
  const reasons = facts.map(({ reason }) => reason);
  for (const due of [
    'operationId: "an-operation-save" arrived inside as undefined',
    'pollMs: 20 arrived inside as undefined',
    'timeoutMs: 60000 arrived inside as undefined',
    'load({ at: 1 }) gives 3, and had to give 1',
    'history(1) gives [2,1], and had to give [2]',
  ]) {
    expect(reasons).toContainEqual(expect.stringContaining(due));
  }
});
