import type { Backend, LogRecord } from '../backend.js';
import { StateCorruptionError } from '../errors.js';
import { fileBackend } from './file-backend.js';
import type { RepairReport } from './journal-file.js';
import { PAGE_BYTES, SimulatedDisk } from './testing/simulated-disk.js';

const PATH = '/s/k.jsonl';

/** Thousands of damaged files; machines that run much else at the same time take long. */
jest.setTimeout(60_000);

function record(version: number, size = 12, kind: LogRecord['kind'] = 'patch'): LogRecord {
  const data = kind === 'tombstone' ? 'null' : JSON.stringify(`v${version} `.padEnd(size, '@ '));
  return { version, kind, at: 1_700_000_000_000, id: `op${version}`, data };
}

function open(disk: SimulatedDisk, reports: RepairReport[] = []): Backend {
  return fileBackend({
    path: '/s',
    fileSystem: disk.process(),
    clock: () => 1_700_000_000_000,
    onRepair: (report) => reports.push(report),
  });
}

/** A journal, and where each of its appends ends. */
async function written(appends: LogRecord[][], key = 'k'): Promise<{ bytes: Buffer; ends: number[] }> {
  const disk = new SimulatedDisk();
  const backend = open(disk);
  const ends: number[] = [];
  for (const records of appends) {
    const { head } = await backend.read(key);
    await backend.commit([{ key, expected: head, records }]);
    ends.push(disk.bytes(`/s/${key}.jsonl`).length);
  }
  return { bytes: Buffer.from(disk.bytes(`/s/${key}.jsonl`)), ends };
}

function holding(bytes: Buffer, path = PATH): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.makeDirectory('/s');
  disk.plant(path, bytes);
  return disk;
}

/** Everything there is, or the error. */
async function look(disk: SimulatedDisk): Promise<string[] | Error> {
  try {
    const backend = open(disk);
    const records: string[] = [];
    for await (const { version, id, data } of backend.range('k')) records.push(`${version} ${id} ${data}`);
    const { head } = await backend.read('k');
    expect(records.length).toBe(head?.version ?? 0);
    return records;
  } catch (error) {
    if (!(error instanceof StateCorruptionError)) throw error;
    return error;
  }
}

const told = (records: LogRecord[]) => records.map(({ version, id, data }) => `${version} ${id} ${data}`);

describe('a journal cut short at any byte', () => {
  const appends = [
    [record(1, 12, 'set')],
    [record(2, 300)],
    [record(3), record(4, 600), record(5)],
    [record(6)],
  ];

  test('holds an exact prefix of its appends, whole ones only; the next append starts on a clean boundary', async () => {
    const { bytes, ends } = await written(appends);
    for (let size = ends[0]!; size <= bytes.length; size++) {
      const whole = ends.filter((end) => end <= size).length;
      const kept = appends.slice(0, whole).flat();
      const disk = holding(bytes.subarray(0, size));
      expect(await look(disk)).toEqual(told(kept));
      expect(disk.bytes(PATH).length).toBe(size); // Reading changes nothing.

      const reports: RepairReport[] = [];
      const backend = open(disk, reports);
      const { head } = await backend.read('k');
      const next = record(kept.length + 1);
      expect(await backend.commit([{ key: 'k', expected: head, records: [next] }])).toMatchObject([
        { ok: true },
      ]);
      expect(await look(disk)).toEqual(told([...kept, next]));
      const torn = size - ends[whole - 1]!;
      expect(reports.map((report) => [report.offset, report.bytes])).toEqual(
        torn === 0 ? [] : [[ends[whole - 1], torn]],
      );
      for (const { keptIn } of reports) {
        expect(disk.bytes(keptIn)).toEqual(bytes.subarray(ends[whole - 1], size));
      }
    }
  });

  test('within its first append is damaged: a file only gets its name when it is complete', async () => {
    const { bytes, ends } = await written(appends);
    for (let size = 0; size < ends[0]!; size++) {
      expect(await look(holding(bytes.subarray(0, size)))).toBeInstanceOf(StateCorruptionError);
    }
  });
});

describe('blocks of the last append that read as NUL', () => {
  const before = [[record(1, 700, 'set')], [record(2, 500)]];
  for (const last of [[record(3, 2500)], [record(3, 700), record(4, 900, 'set'), record(5, 800)]]) {
    test(`${last.length} records: any set of lost blocks makes the append one that never happened`, async () => {
      const { bytes, ends } = await written([...before, last]);
      const from = ends[1]!;
      const first = Math.floor(from / PAGE_BYTES);
      const count = Math.ceil(bytes.length / PAGE_BYTES) - first;
      for (let lost = 1; lost < 2 ** count; lost++) {
        const torn = Buffer.from(bytes);
        for (let page = 0; page < count; page++) {
          const start = (first + page) * PAGE_BYTES;
          if (lost & (1 << page))
            torn.fill(0, Math.max(from, start), Math.min(start + PAGE_BYTES, torn.length));
        }
        expect(await look(holding(torn))).toEqual(told(before.flat()));
      }
    });
  }

  test('a lost block of an append that others follow is damage', async () => {
    const { bytes, ends } = await written([...before, [record(3, 2500)], [record(4)]]);
    for (let start = Math.ceil(ends[0]! / PAGE_BYTES) * PAGE_BYTES; start < ends[2]!; start += PAGE_BYTES) {
      const torn = Buffer.from(bytes);
      torn.fill(0, start, Math.min(start + PAGE_BYTES, ends[2]! - 1));
      expect(await look(holding(torn))).toBeInstanceOf(StateCorruptionError);
    }
  });

  test('a lost block in front of a whole append of several records is damage, and so it is in front of a checkpoint', async () => {
    const { bytes, ends } = await written([...before, [record(3, 2500)], [record(4), record(5)]]);
    const torn = Buffer.from(bytes);
    torn.fill(
      0,
      Math.ceil(ends[1]! / PAGE_BYTES) * PAGE_BYTES,
      Math.floor(ends[2]! / PAGE_BYTES) * PAGE_BYTES,
    );
    expect(await look(holding(torn))).toBeInstanceOf(StateCorruptionError);
    const disk = holding(bytes.subarray(0, ends[2]));
    await open(disk).checkpoint('k', { version: 3, id: 'op3', at: 0, data: '{}' });
    disk
      .bytes(PATH)
      .fill(0, Math.ceil(ends[1]! / PAGE_BYTES) * PAGE_BYTES, Math.floor(ends[2]! / PAGE_BYTES) * PAGE_BYTES);
    // The newest starting point is behind the damage: the state is read, the history is not.
    expect((await open(disk).read('k')).checkpoint?.data).toBe('{}');
    expect(await look(disk)).toBeInstanceOf(StateCorruptionError);
    // Nor does a torn append behind the checkpoint make all of it torn.
    const twice = holding(Buffer.concat([disk.bytes(PATH), Buffer.from('["0123')]));
    await expect(open(twice).read('k')).rejects.toThrow(StateCorruptionError);
  });
});

describe('a single flipped bit', () => {
  test('anywhere in a journal is an error or changes nothing, never another state', async () => {
    const appends = [[record(1, 40, 'set')], [record(2), record(3)], [record(4, 30, 'set')], [record(5)]];
    const { bytes } = await written(appends);
    const disk = holding(bytes);
    await open(disk).checkpoint('k', { version: 5, id: 'op5', at: 0, data: '{"a":[1," @"]}' });
    await open(disk).commit([{ key: 'k', expected: { ...record(5), deleted: false }, records: [record(6)] }]);
    const whole = Buffer.from(disk.bytes(PATH));
    const sound = await look(disk);
    expect(sound).toHaveLength(6);
    const tail = await open(disk).read('k');
    let errors = 0;
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const there = holding(flipped);
      expect([bit, await look(there)]).toEqual([bit, expect.any(StateCorruptionError)]);
      // A read of the state alone sees only its part of the file: then it is the same, or an error.
      const read = await open(there)
        .read('k')
        .catch((error: unknown) => error);
      if (read instanceof StateCorruptionError) errors++;
      else expect(read).toEqual(tail);
      // A writer refuses too, or appends to the true head; the damaged bytes stay.
      const backend = open(there);
      await backend
        .commit([{ key: 'k', expected: tail.head, records: [record(7)] }])
        .catch((error: unknown) => {
          expect(error).toBeInstanceOf(StateCorruptionError);
          expect(there.bytes(PATH)).toEqual(flipped);
        });
    }
    expect(errors).toBeGreaterThan(0);
  });

  test('names the file and the offset of the damaged line', async () => {
    const { bytes, ends } = await written([[record(1, 12, 'set')], [record(2)], [record(3)]]);
    bytes[ends[1]! + 30]! ^= 4;
    expect(await look(holding(bytes))).toMatchObject({ location: PATH, offset: ends[1], key: 'k' });
  });
});

describe('a file that is not this journal', () => {
  test.each([
    ['empty', ''],
    ['a NUL', '\0'.repeat(5000)],
    ['text', 'hello\nworld\n'],
    ['another JSON', '{"a":1}\n[1]\n'],
    ['a header alone', '{"dgents":"journal","format":1,"key":"k","crc":"a0e7dc1d"}\n'],
  ])('%s: is damaged, and stays as it is', async (_, text) => {
    const disk = holding(Buffer.from(text));
    expect(await look(disk)).toBeInstanceOf(StateCorruptionError);
    await expect(open(disk).commit([{ key: 'k', expected: null, records: [record(1)] }])).rejects.toThrow(
      StateCorruptionError,
    );
    expect(disk.bytes(PATH).toString()).toBe(text);
  });

  test('a journal of another key in its place is damaged', async () => {
    const { bytes } = await written([[record(1, 12, 'set')]], 'other');
    expect(await look(holding(bytes))).toMatchObject({ message: expect.stringContaining('"other"') });
  });

  test('lines of another key behind the right header are damaged', async () => {
    const mine = await written([[record(1, 12, 'set')], [record(2)]]);
    const other = await written([[record(1, 12, 'set')], [record(2)]], 'other');
    const line = other.bytes.subarray(other.ends[0]);
    expect(await look(holding(Buffer.concat([mine.bytes.subarray(0, mine.ends[0]), line])))).toBeInstanceOf(
      StateCorruptionError,
    );
  });

  test('garbage behind the end is damage, with a line feed or without', async () => {
    const { bytes } = await written([[record(1, 12, 'set')]]);
    for (const garbage of ['garbage', 'garbage\n', ' ', '\n', '["zz', 'x\0\0']) {
      const disk = holding(Buffer.concat([bytes, Buffer.from(garbage)]));
      expect([garbage, await look(disk)]).toEqual([garbage, expect.any(StateCorruptionError)]);
    }
  });

  test('a line that was removed or repeated is damage', async () => {
    const { bytes, ends } = await written([[record(1, 12, 'set')], [record(2)], [record(3)]]);
    const cut = Buffer.concat([bytes.subarray(0, ends[0]), bytes.subarray(ends[1])]);
    expect(await look(holding(cut))).toBeInstanceOf(StateCorruptionError);
    const repeated = Buffer.concat([bytes, bytes.subarray(ends[1])]);
    expect(await look(holding(repeated))).toBeInstanceOf(StateCorruptionError);
  });
});

describe('a file that changes behind the back of an open backend', () => {
  test('an older copy put in its place is what is read from then on, and has diverged', async () => {
    const { bytes, ends } = await written([[record(1, 12, 'set')], [record(2)], [record(3)]]);
    for (const sameFile of [true, false]) {
      const disk = holding(bytes);
      const backend = open(disk);
      const { head } = await backend.read('k');
      const older = bytes.subarray(0, ends[1]);
      if (sameFile) disk.overwrite(PATH, older);
      else disk.plant(PATH, older);
      expect(await backend.read('k', { after: head! })).toMatchObject({
        since: 'diverged',
        head: { version: 2 },
      });
      expect(await backend.commit([{ key: 'k', expected: head, records: [record(4)] }])).toMatchObject([
        { ok: false, head: { version: 2 } },
      ]);
    }
  });

  test('a longer but different log in the same file is noticed', async () => {
    const mine = await written([[record(1, 12, 'set')], [record(2)]]);
    const twin = await written([[{ ...record(1, 50, 'set'), id: 'x' }], [record(2, 90)], [record(3)]]);
    const disk = holding(mine.bytes);
    const backend = open(disk);
    const { head } = await backend.read('k');
    disk.overwrite(PATH, twin.bytes);
    const tail = await backend.read('k', { after: { ...head!, id: 'op2' } });
    expect(tail.head?.version).toBe(3);
    expect(tail.records.map(({ data }) => data)).toEqual([record(3).data]);
    expect((await backend.read('k')).records[0]?.id).toBe('x');
  });

  test('what another backend appended is given whole after the head that was known, also across a set', async () => {
    const { bytes } = await written([[record(1, 12, 'set')], [record(2)]]);
    const disk = holding(bytes);
    const [mine, other] = [open(disk), open(disk)];
    const { head } = await mine.read('k');
    const news = [record(3), record(4, 12, 'set'), record(5)];
    await other.commit([{ key: 'k', expected: head, records: news }]);
    expect(whole((await mine.read('k', { after: head! })).records)).toEqual(news);
    expect(whole((await mine.read('k')).records)).toEqual(news.slice(1));
  });

  test('a writer whose file was replaced by a compaction of another goes on in the new one', async () => {
    const { bytes } = await written([[record(1, 12, 'set')], [record(2)]]);
    const disk = holding(bytes);
    const [mine, other] = [open(disk), open(disk)];
    const [first] = await mine.commit([
      { key: 'k', expected: (await mine.read('k')).head, records: [record(3)] },
    ]);
    await other.trim('k', { version: 2, id: 'op2', at: 0, data: '{}' });
    const [second] = await mine.commit([{ key: 'k', expected: first!.head, records: [record(4)] }]);
    expect(second).toMatchObject({ ok: true });
    expect(await open(disk).read('k')).toMatchObject({ floor: 2, records: [{ version: 3 }, { version: 4 }] });
  });

  test('a file that was removed is no log any more', async () => {
    const { bytes } = await written([[record(1, 12, 'set')]]);
    const disk = holding(bytes);
    const backend = open(disk);
    const { head } = await backend.read('k');
    await disk.process().unlink(PATH);
    expect(await backend.read('k', { after: head! })).toMatchObject({ head: null, since: 'diverged' });
    expect(await backend.commit([{ key: 'k', expected: head, records: [record(2)] }])).toMatchObject([
      { ok: false, head: null },
    ]);
  });
});

/** Records with their text, which is otherwise made when it is asked for. */
function whole(records: readonly LogRecord[]): LogRecord[] {
  return records.map((each) => ({ ...each, data: each.data }));
}
