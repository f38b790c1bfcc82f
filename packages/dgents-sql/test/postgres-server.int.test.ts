/**
 * A server that is killed, stopped and restarted while it is written to: what was acknowledged is there, every call
 * settles in time with a typed error, and the same process goes on when the server does.
 */
import { pause, type Worker } from '../../dgents-core/test/child.js';
import { acknowledged, expectNothingLost, heard, startWorker, stopped } from './load.js';
import { OwnPostgres, ownPostgresProblem } from './own-postgres.js';

const problem = ownPostgresProblem();
const withServer = problem === undefined ? describe : describe.skip;
const isLong = process.env['DGENTS_KIT_EFFORT'] === 'long';
const ROUNDS = isLong ? 20 : 2;

/** Short enough that calls are seen to settle while the server is away. */
const TIMEOUT_MS = 1_000;
/** Timers fire late on a busy machine. */
const SLACK_MS = 500;

withServer(`a Postgres server${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  let server: OwnPostgres;
  let worker: Worker | undefined;
  beforeAll(async () => {
    server = await OwnPostgres.start();
  });
  afterEach(async () => {
    worker?.kill();
    await worker?.ended;
  });
  afterAll(() => server?.remove());

  /** Four counters and a pair, two writers each. */
  const begin = async (table: string): Promise<Worker> => {
    worker = startWorker('load.mjs', {
      postgres: { connectionString: server.url, table },
      keys: ['a', 'b', 'c', 'd'],
      flows: 2,
      pairs: true,
      timeoutMs: TIMEOUT_MS,
    });
    await acknowledged(worker, 50);
    return worker;
  };

  const check = async (load: Worker): Promise<void> => {
    await acknowledged(load, 50);
    const told = await stopped(load);
    expectNothingLost(told);
    expect(told.final['pair/1']).toBe(told.final['pair/2']);
    expect(told.slowestMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    const known = /^DGENTS_(STORAGE_TIMEOUT|STORAGE_UNAVAILABLE|OUTCOME_UNKNOWN)$/;
    expect(Object.keys(told.failures).filter((code) => !known.test(code))).toEqual([]);
  };

  test.each([
    ['killed', 'SIGKILL'],
    ['restarted at once', 'SIGQUIT'],
  ] as const)(
    'that is %s under load loses nothing, and is used again without a restart',
    async (_, signal) => {
      const load = await begin(`end_${signal}`);
      for (let round = 0; round < ROUNDS; round++) {
        await server.signal(signal);
        await heard(load, 'not');
        await server.start();
        const back = performance.now();
        await acknowledged(load, 1);
        expect(performance.now() - back).toBeLessThan(3_000);
        await acknowledged(load, 20);
      }
      await check(load);
    },
  );

  test('that stands still for three seconds holds nobody up for longer than the timeout', async () => {
    const load = await begin('stopped');
    await server.signal('SIGSTOP');
    const refused: string[] = [];
    const until = performance.now() + 3_000;
    while (performance.now() < until) refused.push((await heard(load, 'not'))['not']);
    await server.signal('SIGCONT');
    const back = performance.now();
    await acknowledged(load, 1);
    expect(performance.now() - back).toBeLessThan(2_000);
    expect(refused.length).toBeGreaterThan(5);
    await check(load);
  });

  test('that stands still while it is opened is used once it goes on', async () => {
    await server.signal('SIGSTOP');
    const load = startWorker('load.mjs', {
      postgres: { connectionString: server.url, table: 'late' },
      timeoutMs: TIMEOUT_MS,
    });
    worker = load;
    expect((await heard(load, 'not'))['not']).toBe('DGENTS_STORAGE_TIMEOUT');
    await pause(1_500);
    await server.signal('SIGCONT');
    const back = performance.now();
    await acknowledged(load, 1);
    expect(performance.now() - back).toBeLessThan(3_000);
    await check(load);
  });
});
