import { createHash, randomBytes } from 'node:crypto';
import { compress, encrypt, MemoryBackend, Store, type Transform } from 'dgents-core';
import { all, counted, numbers, upTo } from '../testing/numbers.js';
import { StreamAgent } from './stream-agent.js';

const key = randomBytes(32);
const encrypted = encrypt({ keys: [{ id: 'a', key }] });

describe.each<[string, readonly Transform[], boolean]>([
  ['encrypted', [encrypted], true],
  ['encrypted', [encrypted], false],
  ['compressed', [compress()], true],
  ['compressed', [compress()], false],
  ['compressed and encrypted', [compress(), encrypted], false],
])('a stream that is %s', (_name, transforms, values) => {
  const place = new MemoryBackend({ values });
  const store = new Store(place);
  const open = () => new StreamAgent(store, 'a', numbers({ transforms }));
  afterAll(() => store.close());

  test(`is read from its snapshot, kept as ${values ? 'a value' : 'text'}, and can be compacted`, async () => {
    await open().append(upTo(400).map(counted));
    await open().snapshot();
    const { range } = place;
    place.range = () => {
      throw new Error('the whole stream was read');
    };
    expect(await open().load()).toEqual({ list: upTo(400) });
    place.range = range;
    await open().compact({ before: 300 });
    await open().append(counted(401));
    expect(await open().load({ at: 350 })).toEqual({ list: upTo(350) });
    expect(await open().load()).toEqual({ list: upTo(401) });
    expect((await all(open().events()))[0]).toMatchObject({ version: 301, event: { n: 301 } });
  });
});

describe('a snapshot of an encrypted stream', () => {
  const definition = () => numbers({ transforms: [encrypted] });

  test('holds no checksum of what is hidden', async () => {
    const store = new Store(new MemoryBackend({ values: false }));
    const a = new StreamAgent(store, 'a', definition());
    await a.append(counted(7));
    await a.snapshot();
    const { checkpoint } = await store.backend.read('a');
    const sum = createHash('sha256')
      .update(JSON.stringify({ list: [7] }))
      .digest('hex');
    expect(JSON.stringify(checkpoint)).not.toContain(sum.slice(0, 8));
    expect(checkpoint?.codec).toBe('fold+a256gcm:a');
    await store.close();
  });

  test('does without one only where it is encrypted', async () => {
    const store = new Store(new MemoryBackend({ values: false }));
    const a = new StreamAgent(store, 'a', numbers());
    await a.append(counted(7));
    await a.snapshot();
    const { checkpoint } = await store.backend.read('a');
    if (checkpoint === undefined) throw new TypeError('there is no snapshot');
    await store.backend.checkpoint('a', { ...checkpoint, codec: 'fold', data: '{"list":[8]}' });
    expect(await new StreamAgent(store, 'a', numbers()).load()).toEqual({ list: [7] });
    await store.close();
  });
});
