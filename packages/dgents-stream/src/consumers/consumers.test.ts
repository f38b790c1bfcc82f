import { memoryBackend, Store } from 'dgents-core';
import { HookedBackend } from '../../../dgents-core/test/hooked-backend.js';
import { describeConsumers } from '../../test/describe-consumers.js';
import { LOCAL_PLACES } from '../../test/places.js';
import { type Consumer, forgetConsumer, neededFrom, registerConsumer } from '../index.js';

describeConsumers(LOCAL_PLACES);

test('what is no consumer is refused before anything is stored', async () => {
  const store = new Store(memoryBackend());
  const sound = { kind: 'stream', stream: 'a', checkpoint: 'b' } as const;
  for (const wrong of [
    { ...sound, kind: 'queue' },
    { ...sound, stream: '' },
    { ...sound, checkpoint: 4 },
    { kind: 'feed', checkpoint: 'b', prefixes: 'orders' },
    { kind: 'feed', checkpoint: 'b', prefixes: [''] },
  ]) {
    await expect(registerConsumer(store, 'a', wrong as Consumer)).rejects.toThrow(TypeError);
  }
  for (const name of ['', 'x'.repeat(201)]) {
    await expect(registerConsumer(store, name, sound)).rejects.toThrow(RangeError);
    await expect(forgetConsumer(store, name)).rejects.toThrow(RangeError);
  }
  expect((await store.backend.read('$consumers')).head).toBeNull();
  await store.close();
  await expect(registerConsumer(store, 'a', sound)).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  await expect(neededFrom(store, 'a')).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
});

test('a trim costs one read more where nobody is registered', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const asked: string[] = [];
  backend.before = ({ method, key }) => void (key === '$consumers' && asked.push(method));
  const agent = store.agent<number>('a', { initial: () => 0, retain: { versions: 5, graceMs: 0 } });
  for (let i = 0; i < 200; i++) await agent.update((n) => n + 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(backend.calls.trim).toBeGreaterThan(3);
  expect(new Set(asked)).toEqual(new Set(['read']));
  // Some points of a trim turn out to be none.
  expect(asked.length).toBeLessThanOrEqual(backend.calls.trim + 1);
  await store.close();
});
