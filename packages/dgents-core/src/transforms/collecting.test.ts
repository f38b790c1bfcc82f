/** The collector of blobs reads every log with its transforms, also while others trim it. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../../test/child.js';
import { HookedBackend, type Method } from '../../test/hooked-backend.js';
import { addressOf } from '../blobs/blob-tags.js';
import { collectGarbage, FileBlobStore } from '../blobs/index.js';
import { type AgentOptions, MemoryBackend, memoryBackend, Store } from '../index.js';
import { compress, encrypt, type Transform } from './index.js';

interface State {
  pad: string;
  bytes?: Uint8Array;
  n: number;
}

let place: string;
let blobs: FileBlobStore;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'dgents-collecting-'));
  blobs = new FileBlobStore(join(place, 'blobs'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function collected(backend: MemoryBackend | HookedBackend, transforms: readonly Transform[]) {
  const later = Date.now() + 1_000_000;
  return collectGarbage({
    blobs,
    backends: [backend],
    transforms: () => transforms,
    graceMs: 0,
    clock: () => later,
  });
}

test('what is compressed is read, and what it refers to is kept', async () => {
  const backend = new MemoryBackend();
  const options = { transforms: [compress()], blobs: { store: blobs, threshold: 100 } };
  await new Store(backend)
    .agent<State>('x', options)
    .save({ pad: 'y'.repeat(5000), bytes: randomBytes(500), n: 0 });
  expect(await collected(backend, [compress()])).toMatchObject({ kept: 1, removed: [] });
});

test('a log that is read with the wrong transforms is named, with what to do', async () => {
  const transforms = [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }] })];
  for (const [stored, read] of [
    [transforms, []],
    [[], transforms],
  ] as const) {
    const backend = new MemoryBackend();
    await new Store(backend).agent<number>('user:1', { transforms: stored }).save(1);
    await expect(collected(backend, read)).rejects.toThrow(
      /Nothing was removed.*`transforms: \(key\) => \[ … \]`, which gives for "user:1".*\[\] for a log/,
    );
  }
});

const encrypted = [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }] })];

describe.each<[string, readonly Transform[], boolean]>([
  ['plain records with blobs', [], true],
  ['encrypted ones', encrypted, false],
])('a log that is trimmed while it is read: %s', (_name, transforms, hasBlobs) => {
  const options: AgentOptions<State> = {
    transforms,
    ...(hasBlobs ? { blobs: { store: blobs0(), threshold: 100 } } : {}),
  };

  /** The store of the test that runs. */
  function blobs0() {
    return {
      put: (address: string, bytes: Uint8Array) => blobs.put(address, bytes),
      get: (address: string) => blobs.get(address),
      list: () => blobs.list(),
      remove: (address: string, before: number) => blobs.remove(address, before),
    };
  }

  test.each<[Method, number]>([
    ['read', 2],
    ['range', 1],
  ])('before %s number %i', async (method, nth) => {
    const memory = new MemoryBackend();
    const agent = new Store(memory).agent<State>('x', options);
    await agent.save({ pad: 'z'.repeat(4000), n: 0 });
    await agent.update((draft) => {
      draft.bytes = new Uint8Array(500).fill(7);
    });
    for (let n = 1; n < 10; n++) {
      await agent.update((draft) => {
        draft.n = n;
      });
    }
    const backend = new HookedBackend(memory);
    let trimmed = 0;
    backend.before = async (call) => {
      if (call.method !== method || backend.calls[method] !== nth) return;
      const store = new Store(memoryBackend({ sharing: memory }));
      const trimming = store.agent<State>('x', { ...options, retain: { versions: 1, graceMs: 0 } });
      // Trims are done in the background.
      for (let n = 10; n < 3000 && trimmed <= 11; n++) {
        await trimming.update((draft) => {
          draft.n = n;
        });
        await pause(1);
        trimmed = (await memory.read('x')).floor;
      }
      await store.close();
    };
    expect(await collected(backend, transforms)).toMatchObject({ kept: hasBlobs ? 1 : 0, removed: [] });
    expect(trimmed).toBeGreaterThan(11);
    expect((await agent.load()).bytes).toHaveLength(500);
  });
});

test('damage is reported, however often it is looked at', async () => {
  const memory = new MemoryBackend();
  await new Store(memory).agent<number>('x', { transforms: encrypted }).save(1);
  const others = [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }] })];
  await expect(collected(memory, others)).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
});

test('a state that looks like a patch into a blob is none', async () => {
  const memory = new MemoryBackend();
  await new Store(memory).agent<unknown>('x').save([{ op: 'add', path: '/a/$blob/1', value: 1 }]);
  await blobs.put(addressOf(new Uint8Array(3)), new Uint8Array(3));
  expect((await collected(memory, [])).removed).toHaveLength(1);
});
