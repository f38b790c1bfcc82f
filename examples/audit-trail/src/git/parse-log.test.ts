import { AuditError } from '../errors.js';
import type { HistoryEvent } from '../history.js';
import { parseLog } from './parse-log.js';

const HASH = 'a'.repeat(40);
const header = (subject = 'What') =>
  `commit ${HASH}\0${'b'.repeat(40)}\0Ada\0ada@x\x00100\x00200\0${subject}\0`;

async function parsed(text: string, size = 1_000): Promise<HistoryEvent[]> {
  const bytes = Buffer.from(text, 'latin1');
  async function* chunks() {
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
  }
  const events: HistoryEvent[] = [];
  for await (const event of parseLog(chunks())) events.push(event);
  return events;
}

const LOG = [
  header('commit 12'),
  header(''),
  '\n:100644 100644 1 2 M\0commit 34\0:000000 100644 0 1 A\0:1 2 3 4 M\x00:100644 100644 1 1 R087\0old\nname\0a\tb\0',
  '1\t2\tcommit 34\0-\t-\t:1 2 3 4 M\x003\t4\t\0old\nname\0a\tb\0',
  header('last').replace('b'.repeat(40), `${'b'.repeat(40)} ${'c'.repeat(40)}`),
].join('');

test('names that look like syntax are names', async () => {
  const events = await parsed(LOG);
  expect(events.map(({ type, subject }) => [type, subject])).toEqual([
    ['committed', 'commit 12'],
    ['committed', ''],
    ['merged', 'last'],
  ]);
  expect(events[0]).toEqual({
    type: 'committed',
    hash: HASH,
    parents: ['b'.repeat(40)],
    author: { name: 'Ada', email: 'ada@x' },
    authoredAt: '1970-01-01T00:01:40.000Z',
    committedAt: '1970-01-01T00:03:20.000Z',
    subject: 'commit 12',
    files: [],
  });
  expect(events[1]).toMatchObject({
    files: [
      { path: 'commit 34', kind: 'modified', added: 1, removed: 2 },
      { path: ':1 2 3 4 M', kind: 'added', added: 0, removed: 0 },
      { path: 'a\tb', kind: 'renamed', from: 'old\nname', added: 3, removed: 4 },
    ],
  });
});

test('pieces of any size make the same events', async () => {
  const whole = await parsed(LOG);
  for (let size = 1; size < 40; size++) expect(await parsed(LOG, size)).toEqual(whole);
});

test('an output that ends too early, or is none, is refused', async () => {
  await expect(parsed(LOG.slice(0, -1))).rejects.toThrow(AuditError);
  await expect(parsed(`commit ${HASH}\0${HASH}\0`)).rejects.toThrow('within a commit');
  await expect(parsed('fatal: something\0')).rejects.toThrow('unexpected: "fatal: something"');
});

test('times that no clock shows are brought into range', async () => {
  const [event] = await parsed(header().replace('\x00100\x00200', '\x00\x0099999999999999999'));
  expect(event).toMatchObject({
    authoredAt: '1970-01-01T00:00:00.000Z',
    committedAt: '+275760-09-13T00:00:00.000Z',
  });
});
