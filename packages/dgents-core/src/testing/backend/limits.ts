import assert from 'node:assert/strict';
import type { Backend, LogRecord } from '../../backend.js';
import { like } from '../support/assertions.js';
import { readWhole } from '../support/readings.js';
import { all, appendOf, commitOne, headOf, plain, record } from '../support/records.js';
import { backendSuite } from './suite.js';

/** What is tried of limits that are larger: what takes a second or two, and in the long tier what fits into memory. */
const CAPS = {
  ci: { keyBytes: 64 * 1024, recordBytes: 4_000_000, records: 10_000, appends: 600 },
  long: { keyBytes: 2 ** 20, recordBytes: 32_000_000, records: 100_000, appends: 10_000 },
} as const;

const DEPTH = 5_000;
const LONG_LOG = 1_200;
const MANY_KEYS = 300;
const META_BYTES = 4_096;

const PRESUMED = [
  'capabilities',
  'values',
  'keys',
  'history',
  'versions',
  'operations',
  'atomicity',
] as const;

// What exceeds a limit is refused by the engine, before a backend hears of it.
export const limits = backendSuite('limits', PRESUMED, (fact, { claims }) => {
  fact(
    'a key of as many bytes as are allowed is a key like any other',
    async ({ backend, effort }) => {
      const bytes = Math.min((await backend.ready()).limits.keyBytes, CAPS[effort.name].keyBytes);
      const keys = [
        'k'.repeat(bytes),
        // Differs in its last byte only.
        `${'k'.repeat(bytes - 1)}l`,
        `${'é'.repeat(bytes >>> 1)}${'k'.repeat(bytes % 2)}`,
      ];
      for (const key of keys) like(await commitOne(backend, appendOf(key, null, record(1))), { ok: true });
      for (const key of keys) {
        like(await commitOne(backend, appendOf(key, (await backend.read(key)).head, record(2))), {
          ok: true,
        });
        assert.equal((await all(backend.range(key))).length, 2, 'each is a log of its own');
      }
      const listed = (await all(backend.keys())).map(({ key }) => key);
      assert.ok(sameTexts(listed.sort(), [...new Set(keys)].sort()), 'the keys are listed in full');
    },
    LONG_MS,
  );

  fact(
    'a record of as many bytes as are allowed comes back whole',
    async ({ backend, effort }) => {
      const bytes = Math.min((await backend.ready()).limits.recordBytes, CAPS[effort.name].recordBytes);
      const texts = ['a', 'é', '\u{1f600}'].map((unit) => textOf(unit, bytes));
      const log = texts.map((data, i) => record(i + 1, 'set', { data }));
      await append(backend, 'k', log, 1);
      const found = await all(backend.range('k'));
      assert.ok(
        sameTexts(
          found.map(({ data }) => data),
          texts,
        ),
        'the texts are whole',
      );
      const newest = (await readWhole(backend, 'k')).records.at(-1);
      assert.ok(sameTexts([newest?.data ?? ''], texts.slice(-1)), 'and so is what a read gives');
    },
    LONG_MS,
  );

  fact(
    'as many records as are allowed go into one append',
    async ({ backend, effort }) => {
      const count = Math.min((await backend.ready()).limits.recordsPerAppend, CAPS[effort.name].records);
      const log = await append(backend, 'k', logOf(count), count);
      const found = await all(backend.range('k'));
      assert.equal(found.length, count, 'how many records there are');
      const texts = (records: readonly LogRecord[]) => records.map(({ id, data }) => `${id} ${data}`);
      assert.ok(sameTexts(texts(found), texts(log)), 'they are those that were given');
      assert.equal((await backend.read('k')).head?.version, count);
    },
    LONG_MS,
  );

  fact(
    'as many appends as are allowed go into one commit',
    async ({ backend, effort }) => {
      const count = Math.min((await backend.ready()).limits.appendsPerCommit, CAPS[effort.name].appends);
      const keys = Array.from({ length: count }, (_, i) => `k${i}`);
      for (const atomic of claims.atomicity === 'store' ? [false, true] : [false]) {
        const appends = keys.map((key) => appendOf(`${key}-${atomic}`, null, record(1)));
        const results = await backend.commit(appends, { atomic });
        assert.deepEqual(
          results.map(({ ok, head }) => [ok, head?.id]),
          appends.map(({ records }) => [true, records[0]!.id]),
        );
        const heads = await Promise.all(appends.map(async ({ key }) => (await backend.read(key)).head?.id));
        assert.deepEqual(
          heads,
          appends.map(({ records }) => records[0]!.id),
        );
      }
    },
    LONG_MS,
  );

  fact('text that is nested 5,000 deep comes back as it was', async ({ backend }) => {
    const deep = (open: string, close: string) => open.repeat(DEPTH) + close.repeat(DEPTH);
    const texts = [deep('[', ']'), `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`];
    const log = texts.map((data, i) => record(i + 1, 'set', { data }));
    await append(backend, 'k', log, 1);
    const last = log[1]!;
    const checkpoint = { version: 2, id: last.id, at: last.at, data: last.data };
    await backend.checkpoint('k', checkpoint);
    const found = (await all(backend.range('k'))).map(({ data }) => data);
    assert.ok(sameTexts(found, texts), 'the texts are as they were');
    const tail = await readWhole(backend, 'k');
    assert.ok(sameTexts([tail.checkpoint?.data ?? tail.records.at(-1)?.data ?? ''], texts.slice(1)));
  });

  fact('meta of 4 KB comes back as it was', async ({ backend }) => {
    const meta = { note: 'x'.repeat(META_BYTES - '{"note":""}'.length) };
    const log = [record(1, 'set', { meta }), record(2, 'event', { meta })];
    await append(backend, 'k', log, 2);
    assertSame(await all(backend.range('k')), log);
  });

  fact(
    'a log of more than a thousand records is read whole, and in pages',
    async ({ backend }) => {
      const size = Math.min((await backend.ready()).limits.recordsPerAppend, 100);
      const log = await append(backend, 'k', logOf(LONG_LOG), size);
      assertSame((await readWhole(backend, 'k')).records, log);
      assertSame(await all(backend.range('k')), log);
      assertSame(await all(backend.range('k', { reverse: true })), [...log].reverse());
      const paged: LogRecord[] = [];
      for (let more = true; more; ) {
        const last = paged.at(-1);
        const page = await backend.read('k', { limit: 97, ...(last && { after: headOf(last) }) });
        assert.ok(
          page.records.length > 0 && page.records.length <= 97,
          'a page has records, and no more than asked for',
        );
        paged.push(...page.records);
        more = page.more;
      }
      assertSame(paged, log);
    },
    LONG_MS,
  );

  fact(
    'hundreds of keys are listed whole, and in pages',
    async ({ backend }) => {
      const keys = Array.from({ length: MANY_KEYS }, (_, i) => `key-${String(i).padStart(4, '0')}`);
      const size = Math.min((await backend.ready()).limits.appendsPerCommit, 50);
      for (let i = 0; i < keys.length; i += size) {
        await backend.commit(keys.slice(i, i + size).map((key) => appendOf(key, null, record(1))));
      }
      assert.deepEqual((await all(backend.keys())).map(({ key }) => key).sort(), keys);
      const paged: string[] = [];
      for (;;) {
        const after = paged.at(-1);
        const page = await all(backend.keys('key-', { limit: 41, ...(after !== undefined && { after }) }));
        if (page.length === 0) break;
        assert.ok(page.length <= 41 && paged.length < MANY_KEYS, 'pages come to an end');
        paged.push(...page.map(({ key }) => key));
      }
      assert.deepEqual(paged.sort(), keys);
    },
    LONG_MS,
  );
});

const LONG_MS = 60_000;

/** Patches behind a `set`: a read has no later place to begin at. */
function logOf(count: number): LogRecord[] {
  return Array.from({ length: count }, (_, i) => record(i + 1, i === 0 ? 'set' : 'patch'));
}

/** Appends the records, so many at a time. */
async function append(
  backend: Backend,
  key: string,
  log: readonly LogRecord[],
  size: number,
): Promise<readonly LogRecord[]> {
  let head = null;
  for (let i = 0; i < log.length; i += size) {
    const result = await commitOne(backend, appendOf(key, head, ...log.slice(i, i + size)));
    assert.ok(result.ok, `records from ${i + 1} on are accepted`);
    head = result.head;
  }
  return log;
}

/** A JSON string of exactly so many bytes. */
function textOf(unit: string, bytes: number): string {
  const width = Buffer.byteLength(unit);
  const count = Math.floor((bytes - 2) / width);
  return `"${unit.repeat(count)}${'-'.repeat(bytes - 2 - count * width)}"`;
}

/** Megabytes do not belong into a message, nor into a comparison that would print them. */
function sameTexts(actual: readonly string[], expected: readonly string[]): boolean {
  return actual.length === expected.length && actual.every((text, i) => text === expected[i]);
}

function assertSame(actual: readonly LogRecord[], expected: readonly LogRecord[]): void {
  assert.equal(actual.length, expected.length, 'how many records there are');
  for (const [i, each] of actual.entries()) assert.deepEqual(plain(each), plain(expected[i]!));
}
