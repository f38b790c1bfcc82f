import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, encrypt, MemoryBackend, memoryBackend, Store } from 'dgents-core';
import { HookedBackend } from '../../../dgents-core/test/hooked-backend.js';
import { sums } from '../../test/describe-compaction.js';
import { all } from '../../test/places.js';
import { readArchive, registerConsumer, StreamAgent } from '../index.js';

let directory: string;
let archive: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dgents-archive-'));
  archive = join(directory, 'sums.jsonl');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const added = (amount: number) => ({ type: 'added', amount }) as const;
const versionsIn = async (path = archive): Promise<number[]> =>
  (await all(readArchive(path, sums))).map(({ version }) => version);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

async function grown(
  count: number,
  backend: Backend = memoryBackend(),
): Promise<StreamAgent<ReturnType<typeof added>, { sum: number }>> {
  const stream = new StreamAgent(new Store(backend), 'sums', sums);
  await stream.append(upTo(count).map(added));
  return stream;
}

/** Archives 5 events and lets go of them, and then 5 more, of which the log is not told. */
async function interrupted(): Promise<{
  hooked: HookedBackend;
  stream: Awaited<ReturnType<typeof grown>>;
  safe: number;
}> {
  const hooked = new HookedBackend(memoryBackend());
  const stream = await grown(20, hooked);
  await stream.compact({ before: 5, archive });
  const safe = statSync(archive).size;
  hooked.before = ({ method }) => {
    if (method === 'trim') throw new Error('killed');
  };
  await expect(stream.compact({ before: 10, archive })).rejects.toThrow('killed');
  hooked.before = undefined;
  return { hooked, stream, safe };
}

test('is lines of JSON that anybody can read', async () => {
  const stream = await grown(3);
  await stream.append(added(4), { messageId: 'four', metadata: { by: 'me' } });
  await stream.compact({ before: 4, archive });
  const lines = (await readFile(archive, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const sum = expect.stringMatching(/^[0-9a-f]{32}$/);
  expect(lines[0]).toEqual({ dgents: 'archive', format: 1, key: 'sums', first: 1, sum });
  expect(lines[4]).toEqual({
    ...{ version: 4, kind: 'event', at: expect.any(Number), id: 'four' },
    ...{ meta: { metadata: { by: 'me' } }, data: added(4), sum },
  });
});

test('between an archive and its trim nothing is lost and nothing is doubled', async () => {
  const { stream } = await interrupted();
  expect(await versionsIn()).toEqual(upTo(10));
  expect((await all(stream.events())).map(({ version }) => version)).toEqual(upTo(20).slice(5));
  expect(await stream.compact({ before: 12, archive })).toEqual({ compactedTo: 12, removed: 7 });
  expect(await versionsIn()).toEqual(upTo(12));
});

test('who compacts less than was archived before the interruption goes on from there later', async () => {
  const { stream } = await interrupted();
  expect(await stream.compact({ before: 7, archive })).toEqual({ compactedTo: 7, removed: 2 });
  expect(await versionsIn()).toEqual(upTo(10));
  await stream.compact({ before: 15, archive });
  expect(await versionsIn()).toEqual(upTo(15));
});

test('wherever the power went out, the archive is made whole', async () => {
  const { hooked, safe } = await interrupted();
  const whole = readFileSync(archive);
  for (let size = safe; size <= whole.length; size += 1 + ((size * 7) % 11)) {
    for (const tail of [
      whole.subarray(safe, size),
      Buffer.concat([whole.subarray(safe, size), Buffer.alloc(9)]),
    ]) {
      writeFileSync(archive, Buffer.concat([whole.subarray(0, safe), tail]));
      const stream = new StreamAgent(new Store(failingTrim(hooked.inner)), 'sums', sums);
      await expect(stream.compact({ before: 10, archive })).rejects.toThrow('killed');
      expect(readFileSync(archive).equals(whole)).toBe(true);
    }
  }
});

test('a block that was never written, in the midst of what was not safe, is written anew', async () => {
  const { hooked, safe } = await interrupted();
  const whole = readFileSync(archive);
  for (let begin = safe; begin < whole.length; begin += 23) {
    const holed = Buffer.from(whole);
    holed.fill(0, begin, Math.min(begin + 40, whole.length));
    writeFileSync(archive, holed);
    const stream = new StreamAgent(new Store(failingTrim(hooked.inner)), 'sums', sums);
    await expect(stream.compact({ before: 10, archive })).rejects.toThrow('killed');
    expect(readFileSync(archive).equals(whole)).toBe(true);
  }
});

test('an archive that was begun and no more is begun anew', async () => {
  const stream = await grown(3);
  await stream.compact({ before: 2, archive });
  const begun = readFileSync(archive).subarray(0, 30);
  for (const size of [0, 1, 30]) {
    const other = await grown(3);
    writeFileSync(archive, begun.subarray(0, size));
    await other.compact({ before: 2, archive });
    expect(await versionsIn()).toEqual([1, 2]);
  }
});

test('every flipped bit is found by the reader, with its place', async () => {
  const stream = await grown(3);
  await stream.compact({ before: 3, archive });
  const whole = readFileSync(archive);
  for (let at = 0; at < whole.length - 1; at++) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] as number) ^ 4;
    writeFileSync(archive, flipped);
    const found = await all(readArchive(archive, sums)).catch((error: unknown) => error);
    expect(found).toMatchObject({ code: 'DGENTS_STATE_CORRUPTION', location: archive });
  }
});

test('a line that is missing, doubled or of another stream is found by the reader', async () => {
  const stream = await grown(6);
  await stream.compact({ before: 6, archive });
  const lines = readFileSync(archive, 'utf8').split('\n');
  for (const wrong of [
    lines.toSpliced(3, 1),
    lines.toSpliced(1, 1),
    lines.toSpliced(3, 0, lines[2] as string),
    lines.slice(1),
  ]) {
    writeFileSync(archive, wrong.join('\n'));
    await expect(all(readArchive(archive, sums))).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
  }
  await expect(all(readArchive(join(directory, 'none'), sums))).rejects.toMatchObject({
    code: 'DGENTS_STORAGE_UNAVAILABLE',
  });
});

test('where damage has no copy in the log, nothing is compacted and nothing is touched', async () => {
  const stream = await grown(20);
  await stream.compact({ before: 5, archive });
  const damaged = readFileSync(archive);
  damaged[damaged.length - 60] = (damaged[damaged.length - 60] as number) ^ 1;
  writeFileSync(archive, damaged);
  await expect(stream.compact({ before: 10, archive })).rejects.toMatchObject({
    code: 'DGENTS_STATE_CORRUPTION',
  });
  expect(readFileSync(archive).equals(damaged)).toBe(true);
  expect(await all(stream.events())).toHaveLength(15);
});

test('a file of somebody else stays as it is', async () => {
  const stream = await grown(5);
  for (const contents of ['dear diary', 'dear diary\n', '{"a":1}\n{"b":2}\n', '{"dgents":"something"}']) {
    writeFileSync(archive, contents);
    await expect(stream.compact({ before: 3, archive })).rejects.toMatchObject({
      code: 'DGENTS_STATE_CORRUPTION',
      location: archive,
    });
    expect(readFileSync(archive, 'utf8')).toBe(contents);
  }
  rmSync(archive);
  const other = new StreamAgent(new Store(memoryBackend()), 'others', sums);
  await other.append(upTo(5).map(added));
  await other.compact({ before: 3, archive });
  await expect(stream.compact({ before: 3, archive })).rejects.toThrow(TypeError);
  expect(await all(stream.events())).toHaveLength(5);
});

test('what went without the archive, or was replaced by an older copy, is told', async () => {
  const stream = await grown(20);
  await stream.compact({ before: 3, archive });
  await stream.compact({ before: 6 });
  await expect(stream.compact({ before: 9, archive })).rejects.toMatchObject({
    code: 'DGENTS_LOG_COMPACTED',
  });
  const later = join(directory, 'later.jsonl');
  await stream.compact({ before: 9, archive: later });
  expect(await versionsIn(later)).toEqual([7, 8, 9]);
  const twin = await grown(20);
  await expect(twin.compact({ before: 5, archive })).rejects.toMatchObject({
    code: 'DGENTS_STATE_CORRUPTION',
  });
  expect(await versionsIn()).toEqual([1, 2, 3]);
});

test('two that compact to one archive at once: each event is in it once', async () => {
  const backend = memoryBackend();
  const stream = await grown(20, backend);
  const results = await Promise.allSettled(
    [8, 12, 16].map((before) =>
      new StreamAgent(new Store(backend), 'sums', sums).compact({ before, archive }),
    ),
  );
  for (const result of results) {
    if (result.status === 'rejected')
      expect(result.reason).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE', retryable: true });
  }
  await stream.compact({ before: 18, archive });
  expect(await versionsIn()).toEqual(upTo(18));
});

test('whoever registers while it is being archived is waited for', async () => {
  const shared = memoryBackend();
  const hooked = new HookedBackend(shared);
  const stream = await grown(20, hooked);
  const other = new Store(memoryBackend({ sharing: shared }));
  hooked.before = async ({ method }) => {
    if (method !== 'range') return;
    hooked.before = undefined;
    await other.agent<string>('mailer:at').save('', { meta: { version: 2 } });
    await registerConsumer(other, 'mailer', { kind: 'stream', stream: 'sums', checkpoint: 'mailer:at' });
  };
  expect(await stream.compact({ before: 10, archive })).toEqual({
    compactedTo: 2,
    removed: 2,
    heldBackBy: { consumer: 'mailer', needs: 3 },
  });
  expect(await versionsIn()).toEqual(upTo(10));
  expect((await all(stream.events())).map(({ version }) => version)).toEqual(upTo(20).slice(2));
});

test('what is encrypted in the log is encrypted in the archive, and bound to its stream', async () => {
  const key = { id: 'k', key: Buffer.from(upTo(32)) };
  const secret = { ...sums, transforms: [encrypt({ keys: [key] })] };
  const stream = new StreamAgent(new Store(new MemoryBackend({ values: false })), 'sums', secret);
  await stream.append(upTo(4).map(added));
  await stream.compact({ before: 3, archive });
  expect(readFileSync(archive, 'utf8')).not.toContain('amount');
  expect((await all(readArchive(archive, secret))).map(({ event }) => event.amount)).toEqual([1, 2, 3]);
  await expect(all(readArchive(archive, sums))).rejects.toThrow(/transform/);
  truncateSync(archive, statSync(archive).size - 1);
  expect(await all(readArchive(archive, secret))).toHaveLength(2);
});

function failingTrim(inner: Backend): Backend {
  const hooked = new HookedBackend(inner);
  hooked.before = ({ method }) => {
    if (method === 'trim') throw new Error('killed');
  };
  return hooked;
}
