/** What every store owes streams that let go of their past. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newOperationId, Store } from 'dgents-core';
import {
  type AnyEvent,
  defineStream,
  forgetConsumer,
  readArchive,
  registerConsumer,
  StreamAgent,
} from '../src/index.js';
import { all, inEach, type Place, type Places } from './places.js';

interface Added extends AnyEvent {
  readonly type: 'added';
  readonly amount: number;
}

export const sums = defineStream<Added, { readonly sum: number }>({
  initial: () => ({ sum: 0 }),
  fold: { added: ({ sum }, { amount }) => ({ sum: sum + amount }) },
  snapshots: { everyEvents: 7 },
});

const MINUTE = 60_000;

export function describeCompaction(places: Places): void {
  inEach(places, 'compaction', (open) => {
    let place: Place;
    let store: Store;
    let directory: string;
    let now = 1_800_000_000_000;
    beforeEach(() => {
      place = open();
      directory = mkdtempSync(join(tmpdir(), 'dgents-archive-'));
      store = new Store(place.backend(), { clock: () => now });
    });
    afterEach(async () => {
      await store.close();
      await place.destroy();
      rmSync(directory, { recursive: true, force: true });
    });
    const stream = () => new StreamAgent(store, 'sums', sums);
    /** Events 1, 2, 3 …, a minute apart. */
    const grow = async (count: number): Promise<void> => {
      const agent = stream();
      for (let i = 0; i < count; i++) {
        now += MINUTE;
        await agent.append({ type: 'added', amount: 1 }, { correlationId: `c${i}`, metadata: { i } });
      }
    };

    test('lets go of the events up to a version, and keeps the state and what follows', async () => {
      await grow(20);
      const events = await all(stream().events());
      expect(await stream().compact({ before: 12 })).toEqual({ compactedTo: 12, removed: 12 });
      expect(await stream().load()).toEqual({ sum: 20 });
      expect(await stream().replayTo(12)).toEqual({ sum: 12 });
      expect(await all(stream().events())).toEqual(events.slice(12));
      expect(await all(stream().events({ from: 13 }))).toEqual(events.slice(12));
      expect(await stream().compact({ before: 12 })).toEqual({ compactedTo: 12, removed: 0 });
      expect(await stream().compact({ before: 5 })).toEqual({ compactedTo: 12, removed: 0 });
      await stream().append({ type: 'added', amount: 1 });
      expect(await new StreamAgent(new Store(place.backend()), 'sums', { ...sums }).load()).toEqual({
        sum: 21,
      });
    });

    test('whoever comes too late is told', async () => {
      await grow(10);
      await stream().compact({ before: 6 });
      const late = { code: 'DGENTS_LOG_COMPACTED', floor: 6, key: 'sums' };
      await expect(all(stream().events({ from: 1 }))).rejects.toMatchObject(late);
      await expect(all(stream().events({ from: 6 }))).rejects.toMatchObject(late);
      await expect(stream().subscribe({ pollMs: 5 })[Symbol.asyncIterator]().next()).rejects.toMatchObject(
        late,
      );
      await expect(stream().replayTo(5)).rejects.toMatchObject(late);
      await expect(stream().load({ at: 5 })).rejects.toMatchObject(late);
    });

    test('a reader that is overtaken in the midst is told, and skips nothing', async () => {
      await grow(4);
      const reading = stream().subscribe({ pollMs: 5 })[Symbol.asyncIterator]();
      for (let i = 0; i < 5; i++) await reading.next();
      const next = reading.next().then(
        ({ value }) => value,
        (error: unknown) => error,
      );
      await grow(1);
      expect(await next).toMatchObject({ version: 5 });
      await grow(4);
      await stream().compact({ before: 8 });
      await expect(reading.next()).rejects.toMatchObject({ code: 'DGENTS_LOG_COMPACTED' });
    });

    test('message ids that tell their age go on being judged, and others are not guessed at', async () => {
      const begun = now;
      await grow(10);
      const messageId = newOperationId(begun);
      await stream().compact({ before: 6 });
      const event = { type: 'added', amount: 1 } as const;
      const unknown = { code: 'DGENTS_OUTCOME_UNKNOWN' };
      await expect(stream().append(event, { messageId })).rejects.toMatchObject(unknown);
      await expect(stream().append(event, { messageId: 'request-1' })).rejects.toMatchObject(unknown);
      now += MINUTE;
      const young = newOperationId(now);
      expect(await stream().append(event, { messageId: young })).toMatchObject({ version: 11 });
      expect(await stream().append(event, { messageId: young })).toMatchObject({ duplicate: true });
    });

    test('a time stands for the newest version then', async () => {
      const begun = now;
      await grow(10);
      expect(await stream().compact({ before: new Date(begun + 4 * MINUTE) })).toEqual({
        compactedTo: 4,
        removed: 4,
      });
      expect(await stream().compact({ before: new Date(begun) })).toEqual({ compactedTo: 4, removed: 0 });
    });

    test('what is younger than a minute stays where others may look for it', async () => {
      await grow(6);
      const result = await stream().compact({ before: 6 });
      if (store.capabilities.sharing === 'process') {
        expect(result).toEqual({ compactedTo: 6, removed: 6 });
        return;
      }
      expect(result).toEqual({ compactedTo: 5, removed: 5, heldBackBy: { youngerThanMs: MINUTE } });
      now += MINUTE;
      expect(await stream().compact({ before: 6 })).toEqual({ compactedTo: 6, removed: 1 });
      expect(await stream().load()).toEqual({ sum: 6 });
    });

    test('what a consumer has not done stays, and the result names it', async () => {
      await grow(12);
      await registerConsumer(store, 'mailer', { kind: 'stream', stream: 'sums', checkpoint: 'mailer:at' });
      const archive = join(directory, 'sums.jsonl');
      expect(await stream().compact({ before: 10, archive })).toEqual({
        compactedTo: 1,
        removed: 0,
        heldBackBy: { consumer: 'mailer', needs: 1 },
      });
      await store.agent<string>('mailer:at').save('here', { meta: { version: 7 } });
      expect(await stream().compact({ before: 10, archive })).toEqual({
        compactedTo: 7,
        removed: 7,
        heldBackBy: { consumer: 'mailer', needs: 8 },
      });
      expect(await all(stream().events({ from: 8 }))).toHaveLength(5);
      await forgetConsumer(store, 'mailer');
      expect(await stream().compact({ before: 10, archive })).toEqual({ compactedTo: 10, removed: 3 });
    });

    test('an archive has what went, over any number of compactions', async () => {
      await grow(20);
      await stream().save({ sum: 100 });
      await grow(5);
      now += MINUTE;
      const events = await all(stream().events());
      expect(events).toHaveLength(25);
      const archive = join(directory, 'deep', 'er', 'sums.jsonl');
      for (const before of [4, 13, 13, 22]) await stream().compact({ before, archive });
      const archived = await all(readArchive(archive, sums));
      expect(archived).toEqual(events.slice(0, 21));
      expect([...archived, ...(await all(stream().events()))]).toEqual(events);
      expect(await stream().load()).toEqual({ sum: 105 });
    });

    test('a version that is not there yet is refused, and a stream that never was is left alone', async () => {
      expect(await stream().compact({ before: 3 })).toEqual({ compactedTo: 0, removed: 0 });
      await grow(3);
      for (const before of [4, 0, -1, 1.5, new Date(Number.NaN)]) {
        await expect(stream().compact({ before })).rejects.toThrow(RangeError);
      }
      await expect(stream().compact({ before: 'all' as never })).rejects.toThrow(TypeError);
      expect(await all(stream().events())).toHaveLength(3);
    });
  });
}
