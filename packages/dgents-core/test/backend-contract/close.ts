import { AgentClosedError } from '../../src/errors.js';
import type { Contract } from '../backend-contract.js';
import { all, appendOf, checkpointOf, commitOne, expectRecords, grow, plain, record } from './records.js';

export function describeClose({ backend, facts, opened }: Contract): void {
  describe('close', () => {
    test('close may be called again, and at the same time', async () => {
      await Promise.all([backend().close(), backend().close()]);
      await backend().close();
    });

    test('every later call is refused with AgentClosedError', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch']);
      await backend().close();
      const calls: Record<string, () => Promise<unknown> | undefined> = {
        ready: () => backend().ready(),
        read: () => backend().read('k'),
        commit: () => backend().commit([appendOf('k', log[1]!, record(3))]),
        checkpoint: () => backend().checkpoint('k', checkpointOf(log[1]!)),
        range: () => all(backend().range('k')),
        trim: () => backend().trim('k', checkpointOf(log[1]!)),
        keys: () => all(backend().keys()),
      };
      if (facts.find) calls.find = () => backend().find?.('k', ['x']);
      if (facts.feed) calls.feed = () => all(backend().feed!());
      if (facts.watch) calls.watch = () => all(backend().watch!('k'));
      for (const [name, call] of Object.entries(calls)) {
        const outcome = await call()?.then(
          () => 'resolved',
          (error) => error,
        );
        expect([name, outcome]).toEqual([name, expect.any(AgentClosedError)]);
      }
    });

    test('what was accepted before close is answered', async () => {
      const answers = Array.from({ length: 10 }, (_, i) =>
        commitOne(backend(), appendOf(`k${i}`, null, record(1))),
      );
      await backend().close();
      for (const answer of await Promise.all(answers)) expect(answer.ok).toBe(true);
    });

    if (facts.reopen) {
      test('what was acknowledged is there after reopening, and the log goes on', async () => {
        const log = await grow(backend(), 'k', ['set', 'patch', 'event', 'tombstone', 'set']);
        await grow(backend(), 'other', ['set']);
        const before = await backend().read('k');
        const reopened = await opened().reopen!();
        const after = await reopened.read('k');
        expect(after.head).toEqual(before.head);
        expectRecords(await all(reopened.range('k')), log, 1, 5);
        expect((await all(reopened.keys())).map(({ key }) => key).sort()).toEqual(['k', 'other']);
        await grow(reopened, 'k', ['patch'], log);
      });
    } else {
      test('reopening is not claimed: nothing is durable', () => {
        expect(backend().capabilities.durability).toBe('none');
      });
    }

    if (facts.second) {
      test('two handles see each other and are closed by themselves', async () => {
        const second = await opened().second!();
        const log = await grow(backend(), 'k', ['set']);
        expect(await commitOne(second, appendOf('k', null, record(1)))).toMatchObject({ ok: false });
        const grown = await grow(second, 'k', ['patch'], log);
        const tail = await backend().read('k');
        expect(tail.records.map(plain)).toEqual(grown.map(plain));
        await second.close();
        await grow(backend(), 'k', ['patch'], grown);
      });
    } else {
      test('a second handle is not claimed', () => {
        expect(opened().second).toBeUndefined();
      });
    }
  });
}
