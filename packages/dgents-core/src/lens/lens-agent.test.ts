import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CachedAgent } from '../cached/index.js';
import { PersistentAgent } from '../file/persistent-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';
import { Symbiont } from '../symbiont/index.js';
import { focusOn, LensAgent, lens, variant, whole } from './index.js';

interface Account {
  profile: { name: string; nick?: string; tags: string[] };
  visits: number;
}

const initial = (): Account => ({ profile: { name: 'Ada', tags: ['a', 'b'] }, visits: 0 });

describe('an agent of a part', () => {
  test('shows and changes its part, and nothing else', async () => {
    const parent = new VolatileAgent({ initial });
    const profile = focusOn(parent, ['profile']);
    const visits = focusOn(parent, ['visits']);
    await visits.update((count) => count + 1);
    await profile.update((draft) => {
      draft.tags.push('c');
    });
    await focusOn(parent, ['profile', 'tags', 0]).save('A');
    await focusOn(parent, ['profile', 'nick']).save('The Countess');
    expect(await parent.read()).toMatchObject({
      state: { profile: { name: 'Ada', nick: 'The Countess', tags: ['A', 'b', 'c'] }, visits: 1 },
      version: 4,
    });
    expect(await profile.history(9)).toHaveLength(3);
    expect(profile.key).toBe(parent.key);
  });

  test('two of one parent never lose each other’s write', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dgents-lens-'));
    const open = () => new PersistentAgent({ path: join(directory, 'account.jsonl'), initial });
    const parents = [open(), open()];
    const visits = parents.map((parent) => focusOn(parent, ['visits']));
    const names = parents.map((parent) => focusOn(parent, ['profile', 'name']));
    await Promise.all([
      ...visits.flatMap((agent) => Array.from({ length: 10 }, () => agent.update((count) => count + 1))),
      ...names.map(async (agent, index) => {
        for (let i = 0; i < 5; i++) await agent.save(`${index}-${i}`, { expected: 'any' });
      }),
    ]);
    expect(await visits[0]!.load()).toBe(20);
    expect(await names[0]!.load()).toMatch(/-4$/);
    expect((await parents[0]!.read()).version).toBe(30);
    for (const parent of parents) await parent.close();
    rmSync(directory, { recursive: true });
  });

  test('a save conflicts if its part has changed, and not if only others have', async () => {
    const store = new Store(memoryBackend());
    const open = () => store.agent('account', { initial });
    const name = focusOn(open(), ['profile', 'name']);
    const beside = open();
    await name.load();
    await beside.update((draft) => {
      draft.visits += 1;
    });
    expect(await name.save('Augusta')).toBe(2);
    await beside.update((draft) => {
      draft.profile.name = 'Grace';
    });
    await expect(name.save('Ada')).rejects.toMatchObject({
      code: 'DGENTS_STATE_CONFLICT',
      expected: { version: 2 },
      actual: { version: 3 },
      key: 'account',
    });
    await expect(name.save('Ada')).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    expect(await name.load()).toBe('Grace');
    expect(await name.save('Ada')).toBe(4);
  });

  test('compared with a read of the handle, it is the part that counts; with a head, the whole', async () => {
    const store = new Store(memoryBackend());
    const open = () => store.agent('account', { initial });
    const name = focusOn(open(), ['profile', 'name']);
    const beside = open();
    const seen = await name.read();
    await beside.update((draft) => {
      draft.visits += 1;
    });
    expect(await name.save('Augusta', { expected: seen })).toBe(2);
    // What the handle has seen or put meanwhile does not count.
    await name.load();
    const late = name.save('Grace', { expected: seen });
    await expect(late).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT', actual: { version: 2 } });
    const again = await name.read();
    await beside.update((draft) => {
      draft.visits += 1;
    });
    await expect(name.save('Grace', { expected: again.head ?? 0 })).rejects.toMatchObject({
      code: 'DGENTS_STATE_CONFLICT',
    });
    const foreign = await focusOn(open(), ['profile', 'name']).read();
    await beside.update((draft) => {
      draft.visits += 1;
    });
    await expect(name.save('Grace', { expected: foreign })).rejects.toMatchObject({
      code: 'DGENTS_STATE_CONFLICT',
    });
    expect(await name.save('Grace', { expected: again })).toBe(5);
    await store.close();
  });

  test('writes of one handle that are not waited for build on each other', async () => {
    const parent = new VolatileAgent({ initial });
    const name = focusOn(parent, ['profile', 'name']);
    await name.load();
    await Promise.all([name.save('B'), name.save('C'), name.save('D')]);
    await Promise.all([name.update((text) => `${text}!`), name.save('E')]);
    expect(await name.load()).toBe('E');
    const meta = { why: 'a test' };
    const after = [name.update((text) => text), name.save('E', { meta, timeoutMs: 1_000 })];
    meta.why = 'changed';
    await Promise.all(after);
    expect((await name.read()).meta).toEqual({ why: 'a test' });
    const aborted = AbortSignal.abort('enough');
    const updating = name.update((text) => `${text}!`);
    await expect(name.save('F', { signal: aborted })).rejects.toBe('enough');
    await updating;
    expect(await name.load()).toBe('E!');
  });

  test('a failed save of its own is not taken for a change', async () => {
    const name = focusOn(new VolatileAgent({ initial, codec: { maxBytes: 200 } }), ['profile', 'name']);
    await name.save('B');
    const ends = await Promise.allSettled([name.save('x'.repeat(300)), name.save('C')]);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await name.load()).toBe('C');
  });

  test('where the part is not there it is as if nothing was stored', async () => {
    const parent = new VolatileAgent({ initial });
    const nick = focusOn(parent, ['profile', 'nick']);
    const third = focusOn(parent, ['profile', 'tags', 2]);
    for (const call of [
      () => nick.load(),
      () => third.load(),
      () => third.save('c'),
      () => nick.update(() => 'x'),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND', key: parent.key });
    }
    expect((await parent.read()).version).toBe(0);
    await parent.update((draft) => {
      draft.profile.nick = 'A';
    });
    await expect(nick.save('B')).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    await nick.load();
    await nick.save('B');
    await parent.update((draft) => {
      delete draft.profile.nick;
    });
    expect(await nick.history(9)).toEqual(['B', 'A']);
    const items = [];
    for await (const item of nick.timeline()) items.push(item.deleted ? undefined : item.state);
    expect(items).toEqual(['A', 'B', undefined]);
  });

  test('a recipe that throws, gives a promise, or does both stores nothing', async () => {
    const parent = new VolatileAgent({ initial });
    const profile = focusOn(parent, ['profile']);
    const own = new LensAgent(
      parent,
      lens(
        (all: Account) => all.profile,
        (all, next) => ({ ...all, profile: next }),
      ),
    );
    for (const agent of [profile, own]) {
      const thrown = new RangeError('no');
      await expect(
        agent.update(() => {
          throw thrown;
        }),
      ).rejects.toBe(thrown);
      await expect(agent.update((async () => undefined) as never)).rejects.toBeInstanceOf(TypeError);
      const both = agent.update((draft) => {
        draft.name = 'B';
        return { name: 'C', tags: [] };
      });
      await expect(both).rejects.toBeInstanceOf(TypeError);
    }
    expect((await parent.read()).version).toBe(0);
  });

  test('a lens of one’s own that changes what it is given cannot reach the state', async () => {
    const parent = new VolatileAgent<{ list: number[]; text: string }>();
    await parent.save({ list: [1], text: 'x'.repeat(10_000) });
    const bad = new LensAgent(
      parent,
      lens<{ list: number[]; text: string }, number[]>(
        (all) => all.list,
        (all, list) => {
          all.list = list;
          return all;
        },
      ),
    );
    await expect(bad.save([2])).rejects.toBeInstanceOf(TypeError);
    expect((await parent.load()).list).toEqual([1]);
  });

  test('a variant is there while the state has its shape', async () => {
    type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number };
    const parent = new VolatileAgent<Shape>();
    await parent.save({ kind: 'circle', radius: 1 });
    const circle = variant<Shape>()('kind', 'circle').asLens();
    const radius = new LensAgent(parent, circle.focus('radius'));
    await radius.update((length) => length * 2);
    expect(await parent.load()).toEqual({ kind: 'circle', radius: 2 });
    await parent.save({ kind: 'square', side: 1 });
    await expect(radius.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
    await expect(radius.save(3)).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
  });

  test('nests with a cache, another lens and a symbiont, in any order', async () => {
    const store = new Store(memoryBackend());
    const cached = new CachedAgent(store.agent('account', { initial }));
    const profile = focusOn(cached, ['profile']);
    const tags = new CachedAgent(focusOn(profile, ['tags']));
    const first = focusOn(tags, [0]);
    await first.save('A');
    await tags.update((draft) => {
      draft.push('c');
    });
    const shout = new Symbiont(first, (mark: string, text) => [text, text + mark]);
    expect(await shout.invoke('!')).toBe('A');
    expect(await cached.load()).toEqual({ profile: { name: 'Ada', tags: ['A!', 'b', 'c'] }, visits: 0 });
    await store.close();
  });

  test('closing ends its watches, and leaves the parent open', async () => {
    const parent = new VolatileAgent({ initial });
    await parent.save(initial());
    const visits = new LensAgent(parent, whole<Account>().focus('visits'));
    const seen: unknown[] = [];
    for await (const item of visits.watch()) {
      seen.push(item.deleted ? undefined : item.state);
      void visits.close();
    }
    expect(seen).toEqual([0]);
    await expect(visits.load()).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
    expect((await parent.load()).visits).toBe(0);
  });
});

test('writes of one handle are made in the order of their calls, whatever has to wait', async () => {
  const parent = new VolatileAgent<{ p: string[] }>({ initial: () => ({ p: ['a'] }) });
  const part = focusOn(parent, ['p']);
  const plain = new VolatileAgent<string[]>({ initial: () => ['a'] });
  for (const agent of [plain, part]) {
    await agent.load();
    const add = (text: string) => agent.update((list) => void list.push(text));
    const writes = [
      add('u'),
      agent.save(['2']),
      add('v'),
      agent.save(['3']),
      add('w'),
      agent.save(['4']),
      add('x'),
    ];
    const done = await Promise.all(writes);
    expect(done.map((each) => (typeof each === 'number' ? each : each.version))).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
    expect(await agent.load()).toEqual(['4', 'x']);
  }
  const late = part.save(['5']);
  const update = part.update((list) => void list.push('y'));
  await part.close();
  await Promise.all([late, update]);
  expect((await parent.load()).p).toEqual(['5', 'y']);
});

test('a lens that gives back nothing is a mistake of its writer, and nothing is stored', async () => {
  const parent = new VolatileAgent({ initial: () => ({ n: 1 }) });
  const odd = lens<{ n: number }, number>(
    ({ n }) => n,
    () => undefined as never,
  );
  const part = new LensAgent(parent, odd);
  for (const write of [part.save(2), part.update((n) => n + 1)]) {
    await expect(write).rejects.toThrow(/`set` of the lens returned nothing/);
  }
  expect((await parent.read()).version).toBe(0);
});
