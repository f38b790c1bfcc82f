/** What every store owes an event log and a key-value store on it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newOperationId, Store } from 'dgents-core';
import {
  type AnyEvent,
  defineStream,
  EventLog,
  KeyValue,
  registerConsumer,
  StreamAgent,
} from '../src/index.js';
import { all, inEach, type Place, type Places } from './places.js';

interface Noted extends AnyEvent {
  readonly type: 'noted';
  readonly n: number;
}

const noted = (n: number): Noted => ({ type: 'noted', n });
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

const conflict = { code: 'DGENTS_STATE_CONFLICT' };

export function describeFacets(places: Places): void {
  inEach(places, 'an event log', (open) => {
    let place: Place;
    let store: Store;
    let log: EventLog<Noted>;
    beforeEach(() => {
      place = open();
      store = new Store(place.backend());
      log = new EventLog(store);
    });
    afterEach(async () => {
      await store.close();
      await place.destroy();
    });
    const numbers = async (options?: Parameters<typeof log.read>[1]): Promise<number[]> =>
      (await all(log.read('a', options))).map(({ event }) => event.n);

    test('appends, and reads in both directions, from and to anywhere', async () => {
      expect(await all(log.read('a'))).toEqual([]);
      expect(await log.append('a', noted(1), { expectedVersion: 0 })).toEqual({
        firstVersion: 1,
        version: 1,
        duplicate: false,
      });
      await log.append('a', [noted(2), noted(3)], { correlationId: 'c', metadata: { by: 'me' } });
      expect(await log.append('a', [])).toEqual({ firstVersion: 0, version: 3, duplicate: false });
      await new EventLog<Noted>(new Store(place.backend())).append('a', upTo(4).slice(3).map(noted));
      expect(await numbers()).toEqual([1, 2, 3, 4]);
      expect(await numbers({ from: 2, to: 3 })).toEqual([2, 3]);
      expect(await numbers({ reverse: true, limit: 2 })).toEqual([4, 3]);
      expect(await numbers({ limit: 0 })).toEqual([]);
      expect((await all(log.read('a', { from: 3, limit: 1 })))[0]).toEqual({
        event: noted(3),
        key: 'a',
        version: 3,
        recordedAt: expect.any(Date),
        messageId: expect.any(String),
        schemaVersion: 1,
        correlationId: 'c',
        metadata: { by: 'me' },
      });
    });

    test('a conflict is an error or a value, whichever was asked for', async () => {
      await log.append('a', noted(1));
      const other = new EventLog<Noted>(new Store(place.backend()));
      await other.append('a', noted(2));
      await expect(log.append('a', noted(3), { expectedVersion: 1 })).rejects.toMatchObject(conflict);
      expect(await log.tryAppend('a', noted(3), { expectedVersion: 1 })).toMatchObject({
        ok: false,
        key: 'a',
        expected: { version: 1 },
        actual: { version: 2 },
      });
      expect(await log.tryAppend('a', noted(3), { expectedVersion: 2 })).toMatchObject({
        ok: true,
        version: 3,
      });
      expect(await numbers()).toEqual([1, 2, 3]);
    });

    test('sixteen writers with one message id append once; with ids of their own, all of them', async () => {
      const messageId = newOperationId();
      const writers = await Promise.all(
        upTo(16).map(async (n) => new EventLog<Noted>(n % 4 === 0 ? new Store(place.backend()) : store)),
      );
      const results = await Promise.all(
        writers.map((writer) => writer.append('a', [noted(1), noted(2)], { messageId })),
      );
      expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(results.map(({ firstVersion, version }) => `${firstVersion}-${version}`)).size).toBe(1);
      await expect(log.append('a', noted(9), { messageId })).rejects.toMatchObject({
        code: 'DGENTS_MESSAGE_ID_REUSED',
      });
      await Promise.all(writers.map((writer, n) => writer.append('a', noted(100 + n))));
      expect((await numbers()).sort((a, b) => a - b)).toEqual([1, 2, ...upTo(16).map((n) => 99 + n)]);
    });

    test('a batch is one commit where the store has such, and refused where it has not', async () => {
      await log.append('b', noted(1));
      const batch = [
        { stream: 'a', events: [noted(1), noted(2)], expectedVersion: 0 },
        { stream: 'b', events: noted(2), expectedVersion: 1, correlationId: 'c' },
      ];
      await store.ready();
      if (store.capabilities.atomicity !== 'store') {
        await expect(log.appendBatch(batch)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
        expect(await numbers()).toEqual([]);
        return;
      }
      const messageId = newOperationId();
      expect(await log.appendBatch(batch, { messageId })).toEqual([
        { firstVersion: 1, version: 2, duplicate: false },
        { firstVersion: 2, version: 2, duplicate: false },
      ]);
      expect((await log.appendBatch(batch, { messageId })).map(({ duplicate }) => duplicate)).toEqual([
        true,
        true,
      ]);
      const stale = [
        { stream: 'a', events: noted(3) },
        { stream: 'b', events: noted(3), expectedVersion: 1 },
      ];
      await expect(log.appendBatch(stale)).rejects.toMatchObject({ ...conflict, key: 'b' });
      expect(await log.tryAppendBatch(stale)).toMatchObject({ ok: false, key: 'b', actual: { version: 2 } });
      expect(await numbers()).toEqual([1, 2]);
      const given = noted(4) as { type: 'noted'; n: number };
      const sent = log.appendBatch([{ stream: 'a', events: given }]);
      given.n = 5;
      await sent;
      expect(await numbers()).toEqual([1, 2, 4]);
    });

    test('the order of all streams is one, and goes on from any position', async () => {
      await store.ready();
      if (store.capabilities.feed === false) {
        await expect(all(log.all({ follow: false }))).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
        return;
      }
      await log.append('a', [noted(1), noted(2)]);
      await store.agent('state').save(1);
      await log.append('b', noted(3));
      await log.append('a', noted(4));
      const entries = await all(log.all({ follow: false }));
      expect(entries).toMatchObject([1, 2, 3, 4].map((n) => ({ event: noted(n) })));
      const rest = await all(log.all({ follow: false, after: entries[1]?.position as string }));
      expect(rest).toEqual(entries.slice(2));
      expect(await all(log.all({ follow: false, prefix: 'b' }))).toEqual(entries.slice(2, 3));
      const following = log.all({ after: entries[3]?.position as string });
      const next = following.next();
      await log.append('b', noted(5));
      expect((await next).value).toMatchObject({ key: 'b', version: 2, event: noted(5) });
      await following.return();
    });

    test('the catalogue says where each stream ends', async () => {
      for (const key of ['log/b', 'log/a', 'log/a/1', 'lo']) await log.append(key, [noted(1), noted(2)]);
      await log.append('log/a', noted(3));
      const found = await all(log.streams({ prefix: 'log/' }));
      expect(new Map(found.map(({ stream, version }) => [stream, version]))).toEqual(
        new Map([
          ['log/a', 3],
          ['log/a/1', 2],
          ['log/b', 2],
        ]),
      );
      expect(Math.abs(Date.now() - (found[0]?.lastAt.getTime() ?? 0))).toBeLessThan(60_000);
    });

    test('a stream agent makes a state of the same events, and neither disturbs the other', async () => {
      const sums = defineStream<Noted, number>({
        initial: () => 0,
        fold: { noted: (sum, { n }) => sum + n },
        snapshots: { everyEvents: 2 },
      });
      const agent = new StreamAgent(store, 'a', sums);
      for (const n of upTo(6)) await (n % 2 === 0 ? log.append('a', noted(n)) : agent.append(noted(n)));
      expect(await agent.load()).toBe(21);
      expect(await new StreamAgent(store, 'a', { ...sums }).load()).toBe(21);
      expect(await numbers()).toEqual([1, 2, 3, 4, 5, 6]);
      await agent.delete();
      await log.append('a', noted(7));
      expect(await agent.load()).toBe(7);
    });

    test('a stream is compacted into an archive, never beyond what is needed, and can be folded no more', async () => {
      // Nobody looks for what was written in another year.
      const early = new Store(place.backend(), { clock: () => 1_700_000_000_000 });
      await new EventLog<Noted>(early).append('a', upTo(10).map(noted));
      await registerConsumer(store, 'mailer', { kind: 'stream', stream: 'a', checkpoint: 'mailer:at' });
      await store.agent<string>('mailer:at').save('', { meta: { version: 6 } });
      const directory = mkdtempSync(join(tmpdir(), 'dgents-log-'));
      const archive = join(directory, 'a.jsonl');
      expect(await log.compact('a', { before: 4, archive })).toEqual({ compactedTo: 4, removed: 4 });
      expect(await log.compact('a', { before: 9, archive })).toEqual({
        compactedTo: 6,
        removed: 2,
        heldBackBy: { consumer: 'mailer', needs: 7 },
      });
      expect(await numbers()).toEqual([7, 8, 9, 10]);
      expect((await all(log.readArchive(archive))).map(({ event }) => event.n)).toEqual(upTo(6));
      await expect(numbers({ from: 6 })).rejects.toMatchObject({ code: 'DGENTS_LOG_COMPACTED', floor: 6 });
      expect(await log.append('a', noted(11), { messageId: newOperationId() })).toMatchObject({
        version: 11,
      });
      const sums = defineStream<Noted, number>({
        initial: () => 0,
        fold: { noted: (sum, { n }) => sum + n },
      });
      await expect(new StreamAgent(store, 'a', sums).load()).rejects.toMatchObject({
        code: 'DGENTS_UNSUPPORTED',
        message: expect.stringContaining('no-state'),
      });
      const other = new EventLog<Noted>(new Store(place.backend()));
      expect(await other.append('a', noted(12))).toMatchObject({ version: 12 });
      rmSync(directory, { recursive: true });
      await early.close();
    });

    test('what is no event is refused before anything is stored', async () => {
      for (const wrong of [{}, { type: '' }, { type: 4 }, null, 'noted']) {
        await expect(log.append('a', wrong as never)).rejects.toThrow(TypeError);
      }
      const fits = { type: 'noted', bytes: new Uint8Array(65_536) };
      await log.append('a', fits as never);
      await expect(
        log.append('a', { type: 'noted', deep: [new Map([['x', Buffer.alloc(65_537)]])] } as never),
      ).rejects.toMatchObject({
        code: 'DGENTS_STATE_TOO_LARGE',
        message: expect.stringContaining('putBlob'),
      });
      await expect(log.append('a', { type: 'noted', call: () => 1 } as never)).rejects.toMatchObject({
        code: 'DGENTS_STATE_SERIALIZATION',
      });
      await expect(log.append('$a', noted(1))).rejects.toMatchObject({ code: 'DGENTS_INVALID_KEY' });
      await expect(all(log.read('a', { limit: -1 }))).rejects.toThrow(RangeError);
      await expect(all(log.read('a', { from: 0 }))).rejects.toThrow(RangeError);
      expect(await all(log.read('a'))).toHaveLength(1);
    });
  });

  inEach(places, 'a key-value store', (open) => {
    let place: Place;
    let store: Store;
    let kv: KeyValue<unknown>;
    beforeEach(() => {
      place = open();
      store = new Store(place.backend());
      kv = new KeyValue(store);
    });
    afterEach(async () => {
      await store.close();
      await place.destroy();
    });

    test('puts, gets and deletes; versions go on after a deletion', async () => {
      expect(await kv.get('a')).toBeUndefined();
      expect(await kv.put('a', { n: 1 })).toEqual({ version: 1 });
      expect(await kv.put('a', null)).toEqual({ version: 2 });
      expect(await new KeyValue(new Store(place.backend())).get('a')).toEqual({
        key: 'a',
        value: null,
        version: 2,
        head: expect.objectContaining({ version: 2 }),
        updatedAt: expect.any(Date),
      });
      expect(await kv.delete('a')).toBe(true);
      expect(await kv.delete('a')).toBe(false);
      expect(await kv.get('a')).toBeUndefined();
      expect(await kv.create('a', 1)).toEqual({ version: 4 });
    });

    test('a put over another version than expected is a conflict, as an error or as a value', async () => {
      await kv.put('a', 1);
      const seen = await kv.get('a');
      const other = new KeyValue(new Store(place.backend()));
      await other.put('a', 2);
      for (const ifVersion of [1, 'absent', seen as NonNullable<typeof seen>] as const) {
        await expect(kv.put('a', 3, { ifVersion })).rejects.toMatchObject(conflict);
        expect(await kv.tryPut('a', 3, { ifVersion })).toMatchObject({
          ok: false,
          key: 'a',
          actual: { version: 2 },
        });
      }
      expect(await kv.tryDelete('a', { ifVersion: 1 })).toMatchObject({ ok: false, actual: { version: 2 } });
      expect(await kv.tryCreate('a', 3)).toMatchObject({ ok: false });
      expect(await kv.tryPut('a', 3, { ifVersion: 2 })).toEqual({ ok: true, version: 3 });
      const now = await kv.get('a');
      expect(now?.value).toBe(3);
      expect(await kv.put('a', 4, { ifVersion: now as NonNullable<typeof now> })).toEqual({ version: 4 });
      expect(await kv.tryDelete('a', { ifVersion: 4 })).toEqual({ ok: true, deleted: true });
      await expect(kv.put('a', 1, { ifVersion: 4 })).rejects.toMatchObject(conflict);
      await expect(kv.delete('none', { ifVersion: 1 })).rejects.toMatchObject(conflict);
    });

    test('of sixteen writers that create one key, one wins, round after round', async () => {
      const others = upTo(3).map(() => new KeyValue(new Store(place.backend())));
      for (let round = 0; round < 4; round++) {
        const results = await Promise.all(
          upTo(16).map((n) => (others[n % 4] ?? kv).tryCreate('a', { round, n })),
        );
        const won = results.flatMap(({ ok }, index) => (ok ? [index + 1] : []));
        expect(won).toHaveLength(1);
        expect((await kv.get('a'))?.value).toEqual({ round, n: won[0] });
        await kv.delete('a');
      }
    });

    test('sixteen writers that compare and put lose nothing', async () => {
      await kv.put('n', 0);
      const count = async (): Promise<void> => {
        for (;;) {
          const entry = await kv.get('n');
          if (entry === undefined) throw new RangeError('gone');
          if ((await kv.tryPut('n', (entry.value as number) + 1, { ifVersion: entry })).ok) return;
        }
      };
      await Promise.all(upTo(16).map(count));
      expect((await kv.get('n'))?.value).toBe(16);
    });

    test('a repeated operation id puts once', async () => {
      const operationId = newOperationId();
      expect(await kv.put('a', 1, { operationId })).toEqual({ version: 1 });
      await kv.put('a', 2);
      expect(await kv.put('a', 1, { operationId })).toEqual({ version: 1 });
      expect((await kv.get('a'))?.value).toBe(2);
    });

    test('entries are those of a prefix', async () => {
      for (const n of upTo(40)) await kv.put(`n/${n}`, n);
      await kv.put('n', 0);
      await kv.put('o/1', 0);
      await kv.delete('n/7');
      const found = await all(kv.entries({ prefix: 'n/' }));
      expect(found.map(({ value }) => value as number).sort((a, b) => a - b)).toEqual(
        upTo(40).filter((n) => n !== 7),
      );
      expect(found.every(({ key, value }) => key === `n/${value as number}`)).toBe(true);
      expect(await all(kv.entries({ prefix: 'n/', limit: 3 }))).toHaveLength(3);
    });

    test('what cannot be meant or kept is refused before anything is stored', async () => {
      await expect(kv.put('a', undefined)).rejects.toThrow(TypeError);
      await expect(kv.put('a', new Uint8Array(65_537))).rejects.toMatchObject({
        code: 'DGENTS_STATE_TOO_LARGE',
        bytes: 65_537,
        limitBytes: 65_536,
      });
      await expect(kv.put('$a', 1)).rejects.toMatchObject({ code: 'DGENTS_INVALID_KEY' });
      for (const ifVersion of [-1, 1.5, 'present', {}, null]) {
        await expect(kv.put('a', 1, { ifVersion: ifVersion as never })).rejects.toThrow();
      }
      expect(await kv.get('a')).toBeUndefined();
      expect((await store.backend.read('a')).head).toBeNull();
    });
  });
}
