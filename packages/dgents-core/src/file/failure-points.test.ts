import type { Backend, Checkpoint, Head, LogRecord } from '../backend.js';
import { DgentsError, OutcomeUnknownError } from '../errors.js';
import { fileBackend } from './file-backend.js';
import { type Fate, SimulatedDisk } from './testing/simulated-disk.js';
import type { SimulatedProcess, Trouble } from './testing/simulated-process.js';

const KEY = 'k';

/** Thousands of short lives; machines that run much else at the same time take long. */
jest.setTimeout(60_000);

/** What the log must be like: what was acknowledged, and what would be there if the step under way had happened. */
interface Expectation {
  records: LogRecord[];
  floor: number;
}

/** One step of a log's life. */
type Step =
  | { readonly append: readonly LogRecord[] }
  | { readonly checkpoint: Checkpoint }
  | { readonly trim: Checkpoint };

let ids = 0;

function record(version: number, kind: LogRecord['kind'], size = 20): LogRecord {
  const data = kind === 'tombstone' ? 'null' : JSON.stringify(`${version} `.padEnd(size, 'x'));
  return { version, kind, at: 1_700_000_000_000 + version, id: `op${++ids}`, data };
}

function checkpointOf({ version, id, at }: LogRecord, size = 700): Checkpoint {
  return { version, id, at, data: JSON.stringify(`state ${version} `.padEnd(size, 'y')) };
}

/** Creation, small and large appends, several records at once, checkpoints, trims, deletion and what comes after. */
function life(): Step[] {
  const log: LogRecord[] = [];
  const add = (...specs: [LogRecord['kind'], number?][]): Step => {
    const records = specs.map(([kind, size], i) => record(log.length + 1 + i, kind, size));
    log.push(...records);
    return { append: records };
  };
  return [
    add(['set']),
    add(['patch']),
    add(['patch', 1500]),
    { checkpoint: checkpointOf(log[2] as LogRecord) },
    add(['patch'], ['event', 900], ['patch']),
    { checkpoint: checkpointOf(log[4] as LogRecord) },
    add(['event'], ['set', 600]),
    { trim: checkpointOf(log[4] as LogRecord) },
    add(['patch', 600], ['patch', 600]),
    add(['tombstone']),
    { trim: { ...checkpointOf(log[log.length - 1] as LogRecord), data: null } },
    add(['set']),
  ];
}

function open(fileSystem: SimulatedProcess): Backend {
  return fileBackend({ path: '/a/b', fileSystem, clock: () => 0, random: () => 0.5, onRepair: () => {} });
}

function after(state: Expectation, step: Step): Expectation {
  if ('append' in step) return { ...state, records: [...state.records, ...step.append] };
  if ('checkpoint' in step) return state;
  const { version } = step.trim;
  return { records: state.records.filter((each) => each.version > version), floor: version };
}

async function take(backend: Backend, step: Step): Promise<void> {
  if ('checkpoint' in step) return backend.checkpoint(KEY, step.checkpoint);
  if ('trim' in step) return backend.trim(KEY, step.trim);
  const { head } = await backend.read(KEY);
  const [result] = await backend.commit([{ key: KEY, expected: head, records: step.append }]);
  expect(result).toMatchObject({ ok: true, replayed: false });
}

/** What is there, read in every way there is. */
async function found(backend: Backend): Promise<{ records: string[]; floor: number; head: Head | null }> {
  const records: string[] = [];
  for await (const each of backend.range(KEY)) records.push(`${each.version} ${each.id} ${each.data}`);
  const backwards: string[] = [];
  for await (const each of backend.range(KEY, { reverse: true }))
    backwards.push(`${each.version} ${each.id} ${each.data}`);
  expect(backwards.reverse()).toEqual(records);
  const tail = await backend.read(KEY);
  for (const each of tail.records) expect(records).toContain(`${each.version} ${each.id} ${each.data}`);
  const last = tail.records[tail.records.length - 1] ?? tail.checkpoint ?? tail.base;
  expect(last?.version).toBe(tail.head?.version);
  return { records, floor: tail.floor, head: tail.head };
}

function told(state: Expectation): { records: string[]; floor: number } {
  const records = state.records.map((each) => `${each.version} ${each.id} ${each.data}`);
  return { records, floor: records.length === 0 && state.floor === 1 ? 0 : state.floor };
}

/** Checks what is there against what may be, and that the log goes on from it. */
async function verify(backend: Backend, allowed: Expectation[]): Promise<void> {
  const { head, ...there } = await found(backend);
  expect(allowed.map(told)).toContainEqual(there);
  const next = record((head?.version ?? 0) + 1, 'set');
  const [result] = await backend.commit([{ key: KEY, expected: head, records: [next] }]);
  expect(result).toMatchObject({ ok: true, replayed: false });
  const goneOn = await found(backend);
  expect(goneOn.head).toMatchObject({ version: next.version, id: next.id });
  expect(goneOn.records.slice(0, -1)).toEqual(there.records);
}

/** Lives until the end or the first failure; gives what was acknowledged, and what may be there instead. */
async function live(backend: Backend): Promise<{ sure: Expectation; pending: Expectation; error: unknown }> {
  let sure: Expectation = { records: [], floor: 1 };
  for (const step of life()) {
    try {
      await take(backend, step);
    } catch (error) {
      return { sure, pending: after(sure, step), error };
    }
    sure = after(sure, step);
  }
  return { sure, pending: sure, error: undefined };
}

/** Runs one life for each operation at which trouble can come. */
async function atEveryOperation(
  trouble: Omit<Trouble, 'at'>,
  check: (process: SimulatedProcess, disk: SimulatedDisk, backend: Backend, at: number) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at++) {
    const disk = new SimulatedDisk();
    const process = disk.process({ at, ...trouble });
    const backend = open(process);
    try {
      await check(process, disk, backend, at);
    } catch (error) {
      const where = process.operations[at - 1];
      throw new Error(`at operation ${at}, ${where}: ${(error as Error).stack}`, { cause: error });
    }
    if (!process.troubled) return at - 1;
  }
}

/** Reproducible, and the same on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('at every operation of a life', () => {
  for (const code of ['EIO', 'ENOSPC', 'EMFILE']) {
    test(`a single ${code} is a typed error or none, loses nothing, and the same backend goes on`, async () => {
      const points = await atEveryOperation({ what: code }, async (process, _disk, backend) => {
        const { sure, pending, error } = await live(backend);
        if (!process.troubled) process.recover();
        if (error !== undefined) expect(error).toBeInstanceOf(DgentsError);
        const allowed = error instanceof OutcomeUnknownError ? [sure, pending] : [sure];
        if (error !== undefined && !isAppend(sure, pending)) allowed.push(pending);
        await verify(backend, allowed);
        await backend.close();
        expect(process.openDescriptors).toBe(0);
      });
      expect(points).toBeGreaterThan(70);
    });

    test(`${code} for ever is a typed error, and once it is over the same backend goes on`, async () => {
      await atEveryOperation({ what: code, forEver: true }, async (process, _disk, backend) => {
        const { sure, pending, error } = await live(backend);
        if (error !== undefined) expect(error).toBeInstanceOf(DgentsError);
        process.recover();
        const allowed = error instanceof OutcomeUnknownError ? [sure, pending] : [sure];
        if (error !== undefined && !isAppend(sure, pending)) allowed.push(pending);
        await verify(backend, allowed);
      });
    });

    test(`after ${code} for ever, a power cut leaves what was acknowledged or in doubt`, async () => {
      for (const fate of ['dropped', 'kept', 'torn'] as const) {
        await atEveryOperation({ what: code, forEver: true }, async (_process, disk, backend, at) => {
          const { sure, pending } = await live(backend);
          disk.powerCut(fate, fate, randomFrom(at));
          await verify(open(disk.process()), [sure, pending]);
        });
      }
    });
  }

  test('a short write is continued', async () => {
    await atEveryOperation({ what: 'short' }, async (_process, _disk, backend) => {
      const { sure, error } = await live(backend);
      expect(error).toBeUndefined();
      await verify(backend, [sure]);
    });
  });

  for (const what of ['halt', 'halt-within']) {
    test(`the end of the process (${what}) leaves the last acknowledged state or the one in flight`, async () => {
      await atEveryOperation({ what }, async (process, disk, backend) => {
        const { sure, pending } = await live(backend);
        process.kill();
        await verify(open(disk.process()), [sure, pending]);
      });
    });

    const fates: Fate[] = ['dropped', 'kept', 'torn'];
    for (const data of fates) {
      for (const names of fates) {
        test(`a power cut (${what}, unsynced data ${data}, names ${names}) leaves the same`, async () => {
          const rounds = data === 'torn' || names === 'torn' ? 3 : 1;
          for (let round = 0; round < rounds; round++) {
            await atEveryOperation({ what }, async (process, disk, backend, at) => {
              const { sure, pending } = await live(backend);
              if (!process.troubled) process.kill();
              disk.powerCut(data, names, randomFrom(at * 1000 + round));
              await verify(open(disk.process()), [sure, pending]);
            });
          }
        });
      }
    }
  }

  test('a power cut after another process went on from what a killed one had not synced leaves no hole', async () => {
    for (const what of ['halt', 'halt-within']) {
      for (let round = 0; round < 4; round++) {
        await atEveryOperation({ what }, async (process, disk, backend, at) => {
          const { sure, pending } = await live(backend);
          process.kill();
          const second = open(disk.process());
          const { head } = await second.read(KEY);
          const next = record((head?.version ?? 0) + 1, 'set');
          const before =
            head?.version === (pending.records.at(-1)?.version ?? pending.floor) ? pending : sure;
          await second.commit([{ key: KEY, expected: head, records: [next] }]);
          disk.powerCut('torn', 'torn', randomFrom(at * 1000 + round));
          const acknowledged = [sure, before].map((state) => ({
            ...state,
            records: [...state.records, next],
          }));
          await verify(open(disk.process()), acknowledged);
        });
      }
    }
  });
});

function isAppend(sure: Expectation, pending: Expectation): boolean {
  return pending.floor === sure.floor && pending.records.length > sure.records.length;
}
