import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend, LogRecord } from '../backend.js';
import { fileBackend } from './file-backend.js';

/** Files as version 1 of each format wrote them. They are never written anew: what they hold must load for ever. */
const FIXTURES = join(__dirname, 'fixtures');

let directory: string;
const opened: Backend[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dgents-fixture-'));
  for (const name of readdirSync(FIXTURES)) copyFileSync(join(FIXTURES, name), join(directory, name));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
  rmSync(directory, { recursive: true });
});

function open(name: string): Backend {
  const format = name.endsWith('.json') ? 'json' : 'journal';
  const backend = fileBackend({ path: join(directory, name), single: true, format });
  opened.push(backend);
  return backend;
}

async function history(backend: Backend): Promise<string[]> {
  const lines: string[] = [];
  for await (const { version, kind, at, id, data, ...extras } of backend.range('state')) {
    lines.push(JSON.stringify([version, kind, at - Date.UTC(2026, 0, 1), id, data, extras]));
  }
  return lines;
}

const line = (version: number, kind: LogRecord['kind'], data: string, extras = {}): string =>
  JSON.stringify([version, kind, version * 1000, `op-${version}`, data, extras]);

const SEVEN = line(7, 'patch', '[]');
const EIGHT = line(8, 'patch', '[{"op":"add","path":"/last","value":null}]');

test('journal format 1: every kind of record, appends of several, checkpoints', async () => {
  const backend = open('journal-v1.jsonl');
  expect(await history(backend)).toEqual([
    line(1, 'set', '{"name":"Ada","visits":0}'),
    line(2, 'patch', '[{"op":"replace","path":"/visits","value":1}]'),
    line(3, 'patch', '[{"op":"add","path":"/note","value":"é \\u2028"}]', {
      schema: 2,
      meta: { by: 'ü', tags: [1] },
    }),
    line(4, 'event', '{"type":"seen"}'),
    line(5, 'tombstone', 'null'),
    line(6, 'set', '"H4sIAAAA"', { codec: 'gzip' }),
    SEVEN,
    EIGHT,
  ]);
  expect(await backend.read('state')).toMatchObject({
    head: { version: 8, id: 'op-8', deleted: false },
    floor: 1,
    checkpoint: { version: 7, id: 'op-7', data: '{"again":true}' },
    records: [{ version: 8 }],
  });
  expect(await backend.read('state', { at: 4 })).toMatchObject({
    records: [{ version: 1 }, {}, {}, { version: 4 }],
  });
});

test('journal format 1, trimmed', async () => {
  const backend = open('journal-v1-trimmed.jsonl');
  expect(await history(backend)).toEqual([SEVEN, EIGHT]);
  expect(await backend.read('state', { at: 6 })).toMatchObject({
    floor: 6,
    base: { version: 6, id: 'op-6', data: '{"again":true}' },
    records: [],
  });
});

test('journal format 1, erased', async () => {
  const backend = open('journal-v1-erased.jsonl');
  expect(await history(backend)).toEqual([]);
  expect(await backend.read('state')).toMatchObject({
    head: { version: 2, id: 'op-2', deleted: true },
    floor: 2,
    base: { data: null },
  });
});

test('plain format 1', async () => {
  const tail = await open('plain-v1.json').read('state');
  expect(tail).toMatchObject({
    head: { version: 2, id: 'op-2' },
    records: [{ kind: 'set', data: '{"name":"Ada","tags":["a","b"]}', schema: 3 }],
  });
});

test('what is written today is what was written then', async () => {
  const expected = readFileSync(join(FIXTURES, 'journal-v1.jsonl'), 'utf8').split('\n');
  const backend = fileBackend({ path: join(directory, 'new.jsonl'), single: true });
  opened.push(backend);
  const record = {
    version: 1,
    kind: 'set',
    at: Date.UTC(2026, 0, 1) + 1000,
    id: 'op-1',
    data: '{"name":"Ada","visits":0}',
  };
  await backend.commit([{ key: 'state', expected: null, records: [record as LogRecord] }]);
  expect(readFileSync(join(directory, 'new.jsonl'), 'utf8').split('\n').slice(0, 2)).toEqual(
    expected.slice(0, 2),
  );
});
