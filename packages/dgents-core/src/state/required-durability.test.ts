import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';

test('a durability that there is not is refused before anything is opened with it', () => {
  const store = new Store(memoryBackend());
  for (const wrong of ['bogus', 'Power', 'none', 'unknown', '', null, 0]) {
    const options = { requireDurability: wrong as 'power' };
    expect(() => new Store(memoryBackend(), options)).toThrow(TypeError);
    expect(() => store.agent('k', options)).toThrow(/'process' or 'power'/);
  }
  for (const right of ['process', 'power', undefined] as const) {
    expect(() => store.agent('k', { ...(right && { requireDurability: right }) })).not.toThrow();
  }
});
