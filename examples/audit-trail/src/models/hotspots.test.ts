import type { Committed, FileChange } from '../history.js';
import { addToHotSpots, HALF_LIFE_DAYS, type HotSpots, hottest } from './hotspots.js';

const DAY_MS = 86_400_000;

function changed(day: number, author: string, ...files: readonly Partial<FileChange>[]): Committed {
  const at = new Date(Date.UTC(2020, 0, 1) + day * DAY_MS).toISOString();
  return {
    type: 'committed',
    hash: `${day}`,
    parents: [],
    author: { name: author, email: '' },
    authoredAt: at,
    committedAt: at,
    subject: '',
    files: files.map((file) => ({ path: 'a', kind: 'modified', added: 0, removed: 0, ...file })),
  };
}

function spotsOf(...events: readonly Committed[]): HotSpots {
  const spots: HotSpots = { now: 0, files: new Map() };
  for (const event of events) addToHotSpots(spots, event);
  return spots;
}

const heats = (spots: HotSpots) => hottest(spots, 100).map(({ path, heat }) => [path, heat]);

test('what was changed a half-life before the newest commit counts half', () => {
  const spots = spotsOf(
    changed(0, 'ada', { added: 60, removed: 40 }),
    changed(HALF_LIFE_DAYS, 'ada', { path: 'b', added: 10 }),
  );
  expect(heats(spots)).toEqual([
    ['a', 50],
    ['b', 10],
  ]);
});

test('each author heats the whole', () => {
  const twice = spotsOf(changed(0, 'ada', { added: 4 }), changed(0, 'ada', { added: 4 }));
  expect(heats(twice)).toEqual([['a', 8]]);
  const both = spotsOf(changed(0, 'ada', { added: 4 }), changed(0, '__proto__', { added: 4 }));
  expect(heats(both)).toEqual([['a', 16]]);
});

test('a clock that went back changes nothing but the order', () => {
  const [early, late] = [changed(0, 'ada', { added: 100 }), changed(HALF_LIFE_DAYS, 'ada', { added: 8 })];
  expect(heats(spotsOf(early, late))).toEqual([['a', 58]]);
  expect(heats(spotsOf(late, early))).toEqual([['a', 58]]);
});

test('a renamed file keeps its heat, a deleted one is shown no more', () => {
  const moved = spotsOf(
    changed(0, 'ada', { added: 5 }),
    changed(0, 'bob', { path: 'b', from: 'a', kind: 'renamed', added: 1 }),
  );
  expect(heats(moved)).toEqual([['b', 12]]);
  addToHotSpots(moved, changed(1, 'bob', { path: 'b', kind: 'deleted', removed: 6 }));
  expect(heats(moved)).toEqual([]);
});
