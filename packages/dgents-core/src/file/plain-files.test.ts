import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Append, Backend, Head } from '../backend.js';
import { StateTooLargeError } from '../errors.js';
import { fileBackend } from './file-backend.js';
import { forPeople, onOneLine } from './plain-text.js';

jest.setTimeout(60_000);

let root: string;
let path: string;
const opened: Backend[] = [];

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'dgents-plain-')));
  path = join(root, 'state.json');
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
  rmSync(root, { recursive: true });
});

function open(): Backend {
  const backend = fileBackend({ path, single: true, format: 'json' });
  opened.push(backend);
  return backend;
}

function appendOf(expected: Head | null, id: string, data: string): Append {
  const version = (expected?.version ?? 0) + 1;
  return { key: 'state', expected, records: [{ version, kind: 'set', at: 1, id, data }], document: data };
}

async function commit(backend: Backend, append: Append): Promise<Head> {
  const [result] = await backend.commit([append]);
  expect(result).toMatchObject({ ok: true, replayed: false });
  return result!.head as Head;
}

describe('a plain JSON file that is large', () => {
  const nested = (depth: number, inside: string) => '['.repeat(depth) + inside + ']'.repeat(depth);
  const escaped = JSON.stringify({ text: '\\"\n, : [x] '.repeat(2_000_000) });

  test.each([
    ['a string of 20 MB', () => JSON.stringify('x y'.repeat(7_000_000))],
    ['a string of 20 MB with escapes', () => escaped],
    ['400 levels with 200 KB', () => nested(400, Array(100_000).fill(1).join(','))],
    ['900 levels with 400,000 numbers', () => nested(900, Array(400_000).fill(1).join(','))],
  ])('comes back as it was: %s', async (_, make) => {
    const text = make();
    await commit(open(), appendOf(null, 'a', text));
    const { records } = await open().read('state');
    expect(records[0]?.data === text).toBe(true);
    expect(statSync(path).size).toBeLessThan(2 * text.length + 2);
  });

  test('is read after an edit too', async () => {
    const head = await commit(open(), appendOf(null, 'a', '1'));
    writeFileSync(path, JSON.stringify([JSON.parse(escaped)], null, 2));
    const { records } = await open().read('state', { after: head });
    expect(records[0]?.data === `[${escaped}]`).toBe(true);
  });

  test('is refused before anything is sent when it cannot be a text at all', async () => {
    const append = appendOf(null, 'a', '');
    const data = () => 'x'.repeat(2 ** 29).repeat(2);
    Object.defineProperty(append.records[0], 'data', { get: data });
    await expect(open().commit([append])).rejects.toThrow(StateTooLargeError);
    expect(await open().read('state')).toMatchObject({ head: null });
  });

  test('is indented as long as that is of use to people', () => {
    const small = nested(60, '1');
    expect(forPeople(small)).toBe(`${JSON.stringify(JSON.parse(small), null, 2)}\n`);
    const deep = nested(900, '1,2,3');
    expect(forPeople(deep)).toBe(`${deep}\n`);
    expect(onOneLine('"never ending \\"')).toBe('"never ending \\"');
  });
});

describe('edits that are taken back', () => {
  test('an undo is a new version to whoever saw the edit, and can be followed', async () => {
    const backend = open();
    const one = await commit(backend, appendOf(null, 'a', '1'));
    writeFileSync(path, '2');
    const { head: two } = await backend.read('state', { after: one });
    writeFileSync(path, '1\n');
    for (const each of [backend, open()]) {
      const tail = await each.read('state', { after: two! });
      expect(tail).toMatchObject({ since: 'trimmed', head: { version: 3 }, records: [{ data: '1' }] });
      expect((await each.read('state')).head).toEqual(tail.head);
    }
    const { head } = await backend.read('state');
    expect((await commit(backend, appendOf(head, 'b', '4'))).version).toBe(4);
  });

  test('the contents before the last ones, typed back, are a new version', async () => {
    const backend = open();
    const two = await commit(backend, appendOf(await commit(backend, appendOf(null, 'a', '1')), 'b', '2'));
    writeFileSync(path, '1\n');
    const { head, records } = await backend.read('state');
    expect([head?.version, records[0]?.data]).toEqual([3, '1']);
    expect(await open().read('state', { after: two })).toMatchObject({ since: 'same', head });
    expect((await commit(backend, appendOf(head, 'c', '4'))).version).toBe(4);
  });

  test('two stores that saw a different number of edits go on', async () => {
    const [a, b] = [open(), open()];
    const one = await commit(a, appendOf(null, 'a', '1'));
    writeFileSync(path, '2');
    const { head: first } = await a.read('state', { after: one });
    writeFileSync(path, '3');
    const { head: second } = await a.read('state', { after: first! });
    const { head: only } = await b.read('state', { after: one });
    expect([second?.version, only?.version]).toEqual([3, 2]);
    await commit(b, appendOf(only, 'b', '4'));
    const tail = await a.read('state', { after: second! });
    expect(tail).toMatchObject({ since: 'trimmed', head: { version: 3, id: 'b' }, records: [{ data: '4' }] });
    const five = await commit(a, appendOf(tail.head, 'c', '5'));
    expect(await b.read('state')).toMatchObject({ head: five, records: [{ data: '5' }] });
  });
});
