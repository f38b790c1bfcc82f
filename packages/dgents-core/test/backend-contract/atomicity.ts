import { UnsupportedError } from '../../src/errors.js';
import type { Contract } from '../backend-contract.js';
import { all, appendOf, grow, headOf, record } from './records.js';

export function describeAtomicity({ backend, facts }: Contract): void {
  describe('atomic commits', () => {
    test('one append may be asked to be atomic everywhere', async () => {
      const append = appendOf('k', null, record(1));
      expect(await backend().commit([append], { atomic: true })).toMatchObject([{ ok: true }]);
    });

    if (facts.atomicity === 'key') {
      test('atomicity across keys is not claimed: it is refused with UnsupportedError', async () => {
        const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1))];
        await expect(backend().commit(appends, { atomic: true })).rejects.toThrow(UnsupportedError);
        expect(await all(backend().keys())).toEqual([]);
      });
      return;
    }

    test('an atomic commit writes every append', async () => {
      const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1), record(2, 'patch'))];
      const results = await backend().commit(appends, { atomic: true });
      expect(results).toMatchObject([
        { ok: true, replayed: false, head: { version: 1 } },
        { ok: true, replayed: false, head: { version: 2 } },
      ]);
    });

    test('one conflict keeps the whole of an atomic commit from being written', async () => {
      const [a] = await grow(backend(), 'a', ['set']);
      const [b] = await grow(backend(), 'b', ['set']);
      const appends = [
        appendOf('a', a!, record(2)),
        appendOf('b', null, record(1)),
        appendOf('c', null, record(1)),
      ];
      const results = await backend().commit(appends, { atomic: true });
      expect(results.map(({ ok }) => ok)).toEqual([false, false, false]);
      expect(results[0]!.head).toMatchObject(headOf(a!));
      expect(results[1]!.head).toMatchObject(headOf(b!));
      expect(results[2]!.head).toBeNull();
      expect((await backend().read('a')).head).toMatchObject({ version: 1 });
      expect((await backend().read('c')).head).toBeNull();
    });

    test('an atomic commit that is sent again happens once', async () => {
      const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1))];
      await backend().commit(appends, { atomic: true });
      const again = await backend().commit(appends, { atomic: true });
      expect(again).toMatchObject([
        { ok: true, replayed: true },
        { ok: true, replayed: true },
      ]);
    });

    test('concurrent atomic commits over the same keys leave them in step', async () => {
      const attempt = async (name: string) => {
        for (let version = 1; version <= 5; version++) {
          const [a, b] = await Promise.all([backend().read('a'), backend().read('b')]);
          const appends = [a, b].map(({ head }, i) => ({
            key: 'ab'[i]!,
            expected: head,
            records: [record((head?.version ?? 0) + 1, 'set', { data: JSON.stringify(name) })],
          }));
          await backend().commit(appends, { atomic: true });
        }
      };
      await Promise.all(['x', 'y', 'z'].map(attempt));
      const [a, b] = await Promise.all(['a', 'b'].map((key) => all(backend().range(key))));
      expect(a!.map(({ data }) => data)).toEqual(b!.map(({ data }) => data));
      expect(a!.length).toBeGreaterThanOrEqual(5);
    });
  });
}
