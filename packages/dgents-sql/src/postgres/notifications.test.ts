import fc from 'fast-check';
import { channelOf, HELLO, hashOfKey, keysOfNote, Notifier } from './notifications.js';

/** What a note says to another process. */
const elsewhere = (note: string) => keysOfNote(note.replace(/^\S+/, 'somebody-else'));

/** Collects notes; each takes a moment to be sent. */
function collecting() {
  const notes: string[] = [];
  const notifier = new Notifier(async (note) => {
    await new Promise((resolve) => setImmediate(resolve));
    notes.push(note);
  });
  return { notes, notifier };
}

test('what changes within a moment is told in one note, each key once', async () => {
  const { notes, notifier } = collecting();
  for (const key of ['a', 'b', 'a', 'a']) notifier.changed(key);
  await notifier.flush();
  expect(notes.map(elsewhere)).toEqual([[hashOfKey('a'), hashOfKey('b')]]);
});

test('what changes while a note is sent is told in the next one', async () => {
  const { notes, notifier } = collecting();
  notifier.changed('a');
  const flushed = notifier.flush();
  notifier.changed('b');
  await flushed;
  expect(notes.map(elsewhere)).toEqual([[hashOfKey('a')], [hashOfKey('b')]]);
});

test('without a flush a note is sent by itself', async () => {
  const note = await new Promise<string>((resolve) => {
    new Notifier(async (sent) => resolve(sent)).changed('a');
  });
  expect(elsewhere(note)).toEqual([hashOfKey('a')]);
});

test('a note fits, however many keys have changed and however long they are', async () => {
  for (const [count, length] of [
    [300, 1_000],
    [301, 1],
    [10_000, 10],
  ] as const) {
    const { notes, notifier } = collecting();
    for (let i = 0; i < count; i++) notifier.changed(`${i}${'k'.repeat(length)}`);
    await notifier.flush();
    expect(notes.length).toBe(1);
    expect(Buffer.byteLength(notes[0]!)).toBeLessThan(8_000);
    const keys = elsewhere(notes[0]!);
    expect(keys === 'all' ? keys : keys.length).toBe(count > 300 ? 'all' : count);
  }
});

test('a note that cannot be sent is forgotten, and the next one is sent', async () => {
  const sent: string[] = [];
  let fails = true;
  const notifier = new Notifier(async (note) => {
    if (fails) throw new TypeError('on purpose');
    sent.push(note);
  });
  notifier.changed('a');
  await notifier.flush();
  fails = false;
  notifier.changed('b');
  await notifier.flush();
  expect(sent.map(elsewhere)).toEqual([[hashOfKey('b')]]);
});

test('a process takes no note of its own notes, and none says anything by saying nothing', async () => {
  const { notes, notifier } = collecting();
  notifier.changed('a');
  await notifier.flush();
  expect(keysOfNote(notes[0]!)).toEqual([]);
  for (const note of [HELLO, '', ' ', 'x', 'x ']) expect(elsewhere(note)).toEqual([]);
});

test('different keys have different hashes, also where they hold halves of surrogate pairs', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(hashOfKey(a)).toMatch(/^[\w-]{22}$/);
      expect(hashOfKey(a) === hashOfKey(b)).toBe(a === b);
    }),
  );
  expect(hashOfKey('\ud800')).not.toBe(hashOfKey('\ud801'));
});

test('a channel is a name of Postgres, whatever the store is called', () => {
  for (const id of ['', 'a"b', 'x'.repeat(1_000)]) expect(channelOf(id)).toMatch(/^dgents_[0-9a-f]{32}$/);
});
