import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { CHECKPOINT_MIN_BYTES, checkpointDue, patchPaysOff, RECORD_OVERHEAD_BYTES } from './policy.js';

describe('a patch pays off', () => {
  const STATE = 100_000;

  test('where it is small, and where the checkpoint that it brings nearer leaves it lighter than the state', () => {
    expect(patchPaysOff(50, STATE, 2)).toBe(true);
    expect(patchPaysOff(0.66 * STATE, STATE, 2)).toBe(true);
    expect(patchPaysOff(0.67 * STATE, STATE, 2)).toBe(false);
    expect(patchPaysOff(STATE, STATE, 2)).toBe(false);
  });

  test('the more, the rarer checkpoints are', () => {
    expect(patchPaysOff(0.75 * STATE, STATE, 2)).toBe(false);
    expect(patchPaysOff(0.75 * STATE, STATE, 4)).toBe(true);
  });

  test('of a small state where it is a good part smaller', () => {
    expect(patchPaysOff(50, 400, 2)).toBe(true);
    expect(patchPaysOff(390, 400, 2)).toBe(false);
    expect(patchPaysOff(50, 20, 2)).toBe(false);
  });

  // What is written of a state of one size when every version changes the same share of it, checkpoints included.
  test.each([0.1, 0.5, 0.6, 0.65, 0.7, 0.9])(
    'the choice for a share of %f is the one that writes less',
    (share) => {
      const patch = share * STATE;
      const each = (bytes: number) => bytes + RECORD_OVERHEAD_BYTES;
      let tail = 0;
      let patched = 0;
      const versions = 1_000;
      for (let i = 0; i < versions; i++) {
        patched += each(patch);
        tail += each(patch);
        if (!checkpointDue(tail, STATE, 2)) continue;
        patched += each(STATE);
        tail = 0;
      }
      expect(patchPaysOff(patch, STATE, 2)).toBe(patched < versions * each(STATE));
      expect(STATE).toBeGreaterThan(CHECKPOINT_MIN_BYTES);
    },
  );
});

test('a save that changes most of the state stores it whole, one that changes little a patch', async () => {
  const backend = memoryBackend({ values: false });
  const store = new Store(backend);
  const agent = store.agent<{ id: number; note: string; name: string }>('k');
  const name = 'n'.repeat(100);
  await agent.save({ id: 1, note: 'a'.repeat(300), name });
  await agent.save({ id: 2, note: 'b'.repeat(300), name });
  await agent.save({ id: 3, note: 'b'.repeat(300), name });
  const kinds: string[] = [];
  for await (const { kind } of backend.range('k')) kinds.push(kind);
  expect(kinds).toEqual(['set', 'set', 'patch']);
  await store.close();
});
