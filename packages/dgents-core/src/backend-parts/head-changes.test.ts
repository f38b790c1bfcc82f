import type { Head } from '../backend.js';
import { StateCorruptionError, StorageUnavailableError } from '../errors.js';
import { headChanges } from './head-changes.js';

const head = (version: number, id = `op-${version}`): Head => ({ version, id, at: version, deleted: false });

/** Answers one after the other; what is thrown is an answer too. */
function answering(...answers: (Head | undefined | Error)[]) {
  return async (): Promise<Head | undefined> => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const outage = () => new StorageUnavailableError('away for a moment');

test('the first head is where a watch begins, and changes are told, each once', async () => {
  const look = headChanges(
    answering(head(1), head(1), head(2), head(2), head(2, 'another'), undefined, head(1)),
  );
  const told: (readonly Head[])[] = [];
  for (let i = 0; i < 6; i++) told.push(await look());
  expect(told).toEqual([[], [head(2)], [], [head(2, 'another')], [], [head(1)]]);
});

test('what begins after the watch on nothing is told', async () => {
  const look = headChanges(answering(undefined, undefined, head(1)));
  expect([await look(), await look()]).toEqual([[], [head(1)]]);
});

test('while the store is away nothing is told, and the change is told after it', async () => {
  const look = headChanges(answering(head(1), outage(), outage(), head(2)));
  expect([await look(), await look(), await look()]).toEqual([[], [], [head(2)]]);
});

test('a watch that begins while the store is away tells the first head that it sees', async () => {
  const look = headChanges(answering(outage(), head(3), head(3)));
  expect([await look(), await look()]).toEqual([[head(3)], []]);
});

test('what does not pass is thrown', async () => {
  const damage = new StateCorruptionError('damaged', { location: 'here' });
  await expect(headChanges(answering(damage))()).rejects.toBe(damage);
  await expect(headChanges(answering(head(1), damage))()).rejects.toBe(damage);
});

test('nothing is asked before the watch has begun, and nothing if it ended before', async () => {
  let asked = 0;
  let begin: (has: boolean) => void = () => undefined;
  const begun = new Promise<boolean>((resolve) => {
    begin = resolve;
  });
  const look = headChanges(async () => {
    asked++;
    return head(1);
  }, begun);
  const first = look();
  await new Promise(setImmediate);
  expect(asked).toBe(0);
  begin(false);
  expect(await first).toEqual([]);
  expect(asked).toBe(0);
});
