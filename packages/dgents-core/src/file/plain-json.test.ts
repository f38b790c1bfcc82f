import type { Append, Backend, Head } from '../backend.js';
import {
  DgentsError,
  LogCompactedError,
  OutcomeUnknownError,
  StateCorruptionError,
  UnsupportedError,
} from '../errors.js';
import { fileBackend } from './file-backend.js';
import { onManyLines, onOneLine } from './plain-text.js';
import { SimulatedDisk } from './testing/simulated-disk.js';
import type { SimulatedProcess } from './testing/simulated-process.js';

jest.setTimeout(60_000);

const PATH = '/s/state.json';

function open(fileSystem: SimulatedProcess): Backend {
  return fileBackend({
    path: PATH,
    single: true,
    format: 'json',
    fileSystem,
    clock: () => 0,
    random: () => 0.5,
  });
}

function appendOf(
  expected: Head | null,
  id: string,
  state: unknown,
  kind: 'set' | 'patch' | 'tombstone' = 'set',
): Append {
  const version = (expected?.version ?? 0) + 1;
  const document = JSON.stringify(state);
  const data = kind === 'patch' ? '[]' : kind === 'set' ? document : 'null';
  return { key: 'state', expected, records: [{ version, kind, at: 1000 + version, id, data }], document };
}

async function commit(backend: Backend, append: Append): Promise<Head> {
  const [result] = await backend.commit([append]);
  expect(result).toMatchObject({ ok: true, replayed: false });
  return result!.head as Head;
}

describe('a plain JSON file', () => {
  test('holds the newest version, for people to read', async () => {
    const disk = new SimulatedDisk();
    const backend = open(disk.process());
    const one = await commit(backend, appendOf(null, 'a', { name: 'Ada', tags: ['x', {}], empty: [] }));
    expect(disk.bytes(PATH).toString()).toBe(
      '{\n  "name": "Ada",\n  "tags": [\n    "x",\n    {}\n  ],\n  "empty": []\n}\n',
    );
    const two = await commit(backend, appendOf(one, 'b', { name: 'Bo', n: 1.5 }, 'patch'));
    const tail = await open(disk.process()).read('state');
    expect(tail).toMatchObject({ head: two, floor: 2, since: 'same', more: false });
    expect(tail.records).toEqual([
      { version: 2, kind: 'set', at: 1002, id: 'b', data: '{"name":"Bo","n":1.5}' },
    ]);
    await expect(backend.read('state', { at: 1 })).rejects.toThrow(LogCompactedError);
    expect(await backend.read('state', { after: one })).toMatchObject({
      since: 'same',
      records: [{ version: 2 }],
    });
    expect(await backend.read('state', { after: two })).toMatchObject({ since: 'same', records: [] });
    expect(await backend.read('state', { after: { ...two, id: 'x' } })).toMatchObject({ since: 'diverged' });
    for await (const record of backend.range('state')) expect(record.version).toBe(2);
    expect(await backend.find!('state', ['a', 'b'])).toEqual(new Map([['b', 2]]));
  });

  test('compares the head, and recognises an append that is sent again', async () => {
    const backend = open(new SimulatedDisk().process());
    const first = appendOf(null, 'a', 1);
    const head = await commit(backend, first);
    expect(await backend.commit([first])).toEqual([{ ok: true, head, replayed: true }]);
    expect(await backend.commit([appendOf(null, 'b', 2)])).toEqual([{ ok: false, head }]);
    const racers = await Promise.all(['c', 'd', 'e'].map((id) => backend.commit([appendOf(head, id, id)])));
    expect(racers.flat().filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('is removed by a tombstone, which keeps the numbering', async () => {
    const disk = new SimulatedDisk();
    const backend = open(disk.process());
    const gone = await commit(
      backend,
      appendOf(await commit(backend, appendOf(null, 'a', 1)), 'b', null, 'tombstone'),
    );
    expect(disk.find(PATH)).toBeUndefined();
    expect(await backend.read('state')).toMatchObject({
      head: { ...gone, deleted: true },
      records: [{ kind: 'tombstone', version: 2 }],
    });
    expect((await commit(backend, appendOf(gone, 'c', 2))).version).toBe(3);
  });

  test('refuses events, and patches without the whole document', async () => {
    const backend = open(new SimulatedDisk().process());
    const event = { version: 1, kind: 'event' as const, at: 0, id: 'a', data: '1' };
    await expect(backend.commit([{ key: 'state', expected: null, records: [event] }])).rejects.toThrow(
      UnsupportedError,
    );
    const { document: _, ...bare } = appendOf(null, 'a', 1, 'patch');
    await expect(backend.commit([bare])).rejects.toThrow(TypeError);
  });
});

describe('a plain JSON file that a person edits', () => {
  async function edited(...texts: string[]): Promise<{ disk: SimulatedDisk; backend: Backend; head: Head }> {
    const disk = new SimulatedDisk();
    const backend = open(disk.process());
    const head = await commit(backend, appendOf(null, 'a', { n: 1 }));
    for (const text of texts) disk.overwrite(PATH, Buffer.from(text));
    return { disk, backend, head };
  }

  test('is a new version with an id of its own, which a writer has to have seen', async () => {
    const { backend, head } = await edited('{ "n": 2 }\n');
    const tail = await backend.read('state', { after: head });
    expect(tail).toMatchObject({
      since: 'same',
      head: { version: 2, id: expect.stringMatching(/^edit:[0-9a-f]{64}$/) },
      records: [{ kind: 'set', data: '{"n":2}' }],
    });
    expect(await backend.commit([appendOf(head, 'b', { n: 3 })])).toMatchObject([
      { ok: false, head: tail.head },
    ]);
    expect((await commit(backend, appendOf(tail.head, 'b', { n: 3 }))).version).toBe(3);
  });

  test('two edits in a row are two versions to whoever saw the first, also in another process', async () => {
    const { disk, backend } = await edited('{ "n": 2 }');
    const { head: first } = await backend.read('state');
    disk.overwrite(PATH, Buffer.from('{ "n": 3 }'));
    for (const reader of [open(disk.process()), backend]) {
      const { head, since } = await reader.read('state', { after: first! });
      expect([since, head?.version]).toEqual(['trimmed', 3]);
      expect(head?.id).not.toBe(first!.id);
    }
    const { head } = await backend.read('state');
    expect((await commit(backend, appendOf(head, 'b', 4))).version).toBe(4);
  });

  test('may be there before any sidecar', async () => {
    const disk = new SimulatedDisk();
    disk.makeDirectory('/s');
    disk.plant(PATH, Buffer.from('\ufeff[1,\r\n 2]'));
    const backend = open(disk.process());
    const { head, records } = await backend.read('state');
    expect(head?.version).toBe(1);
    expect(records[0]?.data).toBe('[1,2]');
    expect((await commit(backend, appendOf(head, 'b', [3]))).version).toBe(2);
  });

  test('and removes, is deleted, with a version of its own', async () => {
    const { disk, backend, head } = await edited();
    const second = await commit(backend, appendOf(head, 'b', 2));
    await disk.process().unlink(PATH);
    const tail = await backend.read('state', { after: second });
    expect(tail.head).toMatchObject({ version: 3, deleted: true });
    expect((await commit(backend, appendOf(tail.head, 'c', 3))).version).toBe(4);
  });

  test('and removes at its first version, is as if it had never been: a crash while creating it leaves the same', async () => {
    const { disk, backend, head } = await edited();
    await disk.process().unlink(PATH);
    expect(await backend.read('state', { after: head })).toMatchObject({ head: null, since: 'diverged' });
    expect((await commit(backend, appendOf(null, 'b', 1))).version).toBe(1);
  });

  test('and that is not JSON any more is an error with file and offset, and stays as it is', async () => {
    const { disk, backend } = await edited('{"n": 2,, }');
    await expect(backend.read('state')).rejects.toThrow(StateCorruptionError);
    await expect(backend.read('state')).rejects.toMatchObject({ location: PATH, offset: 8 });
    expect(disk.bytes(PATH).toString()).toBe('{"n": 2,, }');
  });

  test('a damaged sidecar is an error', async () => {
    const { disk, backend } = await edited();
    disk.bytes(`${PATH}.dgents`)[40]! ^= 1;
    await expect(open(disk.process()).read('state')).rejects.toThrow(StateCorruptionError);
    await backend.close();
  });
});

test('writers that create it at once close each descriptor once: a number given back may be another file’s', async () => {
  const disk = new SimulatedDisk();
  const closedTwice: number[] = [];
  const backends = Array.from({ length: 5 }, () => {
    const fileSystem = disk.process();
    const { close } = fileSystem;
    const closed = new Set<number>();
    fileSystem.close = (descriptor) => {
      if (closed.has(descriptor)) closedTwice.push(descriptor);
      closed.add(descriptor);
      close.call(fileSystem, descriptor);
    };
    const { open: openFile } = fileSystem;
    fileSystem.open = (...how) => {
      const descriptor = openFile.call(fileSystem, ...how);
      closed.delete(descriptor);
      return descriptor;
    };
    return open(fileSystem);
  });
  const results = await Promise.all(
    backends.map((backend, i) => backend.commit([appendOf(null, `w${i}`, i)])),
  );
  expect(results.filter(([result]) => result!.ok)).toHaveLength(1);
  expect(closedTwice).toEqual([]);
});

describe('at every operation of a plain file’s life', () => {
  const states: [string, unknown, 'set' | 'patch' | 'tombstone'][] = [
    ['a', { n: 1 }, 'set'],
    ['b', { n: 2, long: 'x'.repeat(1500) }, 'patch'],
    ['c', null, 'tombstone'],
    ['d', { n: 4 }, 'set'],
    ['e', { n: 4 }, 'patch'],
  ];

  async function live(backend: Backend): Promise<{ sure: string[]; pending: string[]; error: unknown }> {
    const ids: string[] = [];
    for (const [id, state, kind] of states) {
      try {
        const { head } = await backend.read('state');
        await commit(backend, appendOf(head, id, state, kind));
      } catch (error) {
        return { sure: [...ids], pending: [...ids, id], error };
      }
      ids.push(id);
    }
    return { sure: ids, pending: ids, error: undefined };
  }

  async function verify(backend: Backend, allowed: string[][]): Promise<void> {
    const { head, records } = await backend.read('state');
    const found = allowed.find((ids) => ids.length === (head?.version ?? 0) && ids.at(-1) === head?.id);
    expect([head, found]).toEqual([head, expect.anything()]);
    const state = states[found!.length - 1]?.[1];
    if (head !== null) expect(JSON.parse(records[0]!.data)).toEqual(state);
    await commit(backend, appendOf(head, 'next', 'next'));
    expect((await backend.read('state')).records[0]?.data).toBe('"next"');
  }

  async function atEvery(
    trouble: { what: string; forEver?: boolean },
    check: (process: SimulatedProcess, disk: SimulatedDisk, at: number) => Promise<void>,
  ): Promise<void> {
    for (let at = 1; ; at++) {
      const disk = new SimulatedDisk();
      const process = disk.process({ at, ...trouble });
      try {
        await check(process, disk, at);
      } catch (error) {
        throw new Error(`at operation ${at}, ${process.operations[at - 1]}: ${(error as Error).stack}`, {
          cause: error,
        });
      }
      if (!process.troubled) return;
    }
  }

  test.each([{ what: 'EIO' }, { what: 'ENOSPC' }, { what: 'EIO', forEver: true }, { what: 'short' }])(
    'trouble %j loses nothing, and the same backend goes on',
    async (trouble) => {
      await atEvery(trouble, async (process) => {
        const backend = open(process);
        const { sure, pending, error } = await live(backend);
        process.recover();
        if (error !== undefined) expect(error).toBeInstanceOf(DgentsError);
        await verify(backend, error instanceof OutcomeUnknownError ? [sure, pending] : [sure]);
        expect(process.openDescriptors).toBe(0);
      });
    },
  );

  for (const what of ['halt', 'halt-within']) {
    for (const fate of ['dropped', 'kept', 'torn'] as const) {
      test(`a power cut (${what}, unsynced ${fate}) leaves the last acknowledged state or the one in flight`, async () => {
        for (let round = 0; round < (fate === 'torn' ? 5 : 1); round++) {
          await atEvery({ what }, async (process, disk, at) => {
            const { sure, pending } = await live(open(process));
            process.kill();
            let state = at * 31 + round;
            disk.powerCut(fate, fate, () => {
              state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
              return state / 2 ** 32;
            });
            await verify(open(disk.process()), [sure, pending]);
          });
        }
      });
    }
  }
});

test('text over many lines comes back on one as it was', () => {
  const texts = [
    '{}',
    '[]',
    '[[],{}]',
    '"a b\\"{,:"',
    '{"a":{"b":[1,-2.50e+3,null,true,"\\u0000 "]},"":[]}',
    '1',
  ];
  for (const text of texts) {
    expect(onOneLine(onManyLines(text) as string)).toBe(text);
    if (text.length > 2) expect(JSON.parse(onManyLines(text) as string)).toEqual(JSON.parse(text));
  }
  expect(onManyLines('{"a":[1]}')).toBe(`${JSON.stringify({ a: [1] }, null, 2)}\n`);
});
