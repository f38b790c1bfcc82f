/** States that hold instances of older versions of their classes, brought to those of today. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { all, PLACES } from '../../test/places.js';
import { FileBlobStore } from '../blobs/index.js';
import { Field, mapOf, State, stateOf } from '../decorators/index.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { defineState } from './define-state.js';
import { migrateAll } from './migrate-all.js';

@State({ name: 'task' })
class OldTask {
  @Field(() => String) title = 'write';
  @Field(() => Uint8Array, { optional: true }) file?: Uint8Array;
}

@State({ name: 'board' })
class OldBoard {
  @Field(() => mapOf(String, [OldTask])) tasks = new Map<string, OldTask[]>();
}

@State({
  name: 'task',
  version: 2,
  migrations: { 1: (old: { title: string }) => ({ ...old, done: false }) },
})
class Task {
  @Field(() => String) title = '';
  @Field(() => Boolean) done = true;
  @Field(() => Uint8Array, { optional: true }) file?: Uint8Array;
}

/** The same without the way from version 1: what is left once everything was migrated. */
@State({ name: 'task', version: 2 })
class TaskOfToday {
  @Field(() => String) title = '';
  @Field(() => Boolean) done = true;
}

@State({ name: 'board' })
class Board {
  @Field(() => mapOf(String, [Task])) tasks = new Map<string, Task[]>();
}

@State({ name: 'board' })
class BoardOfToday {
  @Field(() => mapOf(String, [TaskOfToday])) tasks = new Map<string, TaskOfToday[]>();
}

const old = stateOf(OldBoard);
const board = stateOf(Board);
const prefix = 'board:';

function oldBoard(...titles: string[]): OldBoard {
  const made = new OldBoard();
  made.tasks.set(
    'todo',
    titles.map((title) => Object.assign(new OldTask(), { title })),
  );
  return made;
}

test.each(PLACES)('in %s: the step can be removed afterwards', async (_, open) => {
  const place = open();
  const store = new Store(place.backend());
  await store.agent('board:a', old).save(oldBoard('a'));
  await store.agent('board:b', old).save(oldBoard());
  await store.agent('board:b', old).update((draft) => void draft.tasks.set('done', [new OldTask()]));
  await store.agent('board:c', old).save(oldBoard());
  const fresh = store.agent('board:d', board);
  await fresh.save(Object.assign(new Board(), { tasks: new Map([['todo', [new Task()]]]) }));
  await store.agent('board:e', old).save(oldBoard('e'));
  await store.agent('board:e', old).delete();

  const dry = await migrateAll(store, { ...board, prefix, dryRun: true });
  expect(dry).toMatchObject({ migrated: 2, alreadyCurrent: 2, skipped: 1, failed: [] });
  expect(await all(store.backend.range('board:a'))).toHaveLength(1);
  expect(await migrateAll(store, { ...board, prefix })).toEqual(dry);
  expect(await migrateAll(store, { ...board, prefix })).toMatchObject({ migrated: 0, alreadyCurrent: 4 });
  await store.close();

  const cold = new Store(place.backend());
  const today = stateOf(BoardOfToday);
  const read = await cold.agent('board:a', today).read();
  expect(read.meta).toEqual({ migratedFrom: 1 });
  expect(read.state.tasks.get('todo')).toEqual([
    Object.assign(new TaskOfToday(), { title: 'a', done: false }),
  ]);
  expect((await cold.agent('board:b', today).load()).tasks.get('done')?.[0]?.done).toBe(false);
  expect((await cold.agent('board:c', today).read()).version).toBe(1);
  expect((await cold.agent('board:d', today).read()).version).toBe(1);
  await cold.close();
  place.destroy();
});

test('without steps, and with unknown classes and newer versions, they have failed', async () => {
  const store = new Store(memoryBackend());
  await store.agent('board:a', old).save(oldBoard('a'));
  await store.agent('board:b', board).save(new Board());
  const missing = await migrateAll(store, { ...stateOf(BoardOfToday), prefix });
  expect(missing).toMatchObject({
    alreadyCurrent: 1,
    failed: [{ key: 'board:a', error: { code: 'DGENTS_MIGRATION' } }],
  });
  const stranger = await migrateAll(store, { ...stateOf(Task), prefix });
  expect(stranger.failed.map(({ error }) => (error as { code: string }).code)).toEqual([
    'DGENTS_STATE_CORRUPTION',
    'DGENTS_STATE_CORRUPTION',
  ]);
  await store.close();
});

test('a step that throws says why, where, and in which state', async () => {
  @State({
    name: 'task',
    version: 2,
    migrations: {
      1: () => {
        throw new RangeError('no title');
      },
    },
  })
  class Thrower {
    @Field(() => String) title = '';
  }
  const store = new Store(memoryBackend());
  await store.agent('board:a', stateOf(OldTask)).save(new OldTask());
  await expect(store.agent('board:a', stateOf(Thrower)).load()).rejects.toThrow(
    /class "task" from version 1 threw: no title\. It is at .* of "board:a"/,
  );
  await store.close();
});

test('instances with bytes that lie among the blobs are migrated too', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dgents-migrate-'));
  const blobs = { store: new FileBlobStore(directory), threshold: 10 };
  const store = new Store(memoryBackend({ values: false }));
  const made = oldBoard('a');
  const file = new Uint8Array(50).fill(7);
  made.tasks.set('filed', [Object.assign(new OldTask(), { file })]);
  await store.agent('board:a', stateOf(OldBoard, { blobs })).save(made);
  const definition = stateOf(Board, { blobs });
  expect(await migrateAll(store, { ...definition, prefix })).toMatchObject({ migrated: 1, failed: [] });
  expect((await store.agent('board:a', definition).load()).tasks.get('filed')?.[0]).toEqual(
    Object.assign(new Task(), { title: 'write', done: false, file }),
  );
  await store.close();
  rmSync(directory, { recursive: true });
});

test('both a schema version and classes: what is behind in either is brought to today', async () => {
  const store = new Store(memoryBackend());
  const bare = defineState<{ task: unknown }>({ name: 'bare', codec: old.codec });
  await store.agent('board:a', bare).save({ task: new OldTask() });
  const later = {
    codec: board.codec,
    schemaVersion: 2,
    migrations: { 1: (state: { task: unknown }) => ({ ...state, kind: 'x' }) },
  };
  await store.agent('board:b', { ...bare, schemaVersion: 2 }).save({ task: new OldTask() });
  await store.agent<unknown>('board:c', { ...later }).save({ task: new Task(), kind: 'x' });
  expect(await migrateAll(store, { ...later, prefix })).toMatchObject({ migrated: 2, alreadyCurrent: 1 });
  expect((await store.agent('board:b', later).read()).meta).toEqual({ migratedFrom: 2 });
  await store.close();
});

test('classes that have no versions say nothing of what is older: a schemaVersion is asked for', async () => {
  const store = new Store(memoryBackend());
  const refused = migrateAll(store, { ...old, prefix });
  await expect(refused).rejects.toThrow('`schemaVersion` of the states, or classes that have a `version`');
  await store.close();
});
