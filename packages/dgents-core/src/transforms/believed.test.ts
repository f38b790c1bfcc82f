/** What the store says of encrypted versions that are looked for, and not replayed: times, ids, and that there is nothing. */
import { randomBytes } from 'node:crypto';
import { recordsOf, storeOf } from '../../test/altered-log.js';
import { type LogRecord, MemoryBackend, Store, type Version } from '../index.js';
import { encrypt } from './index.js';

const transforms = [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }] })];
const corrupt = { code: 'DGENTS_STATE_CORRUPTION', key: 'log' };

/** Versions 1 to 4, written at 1,000 to 4,000. */
async function logOf(): Promise<readonly LogRecord[]> {
  const backend = new MemoryBackend();
  let now = 0;
  const agent = new Store(backend, { clock: () => now }).agent<number>('log', { transforms });
  for (let n = 1; n <= 4; n++) {
    now = n * 1000;
    await agent.save(n, { operationId: `pay-${n}` });
  }
  return recordsOf(backend, 'log');
}

const at = (time: number): { at: Date } => ({ at: new Date(time) });

async function withTimes(times: Readonly<Record<number, number>>): Promise<MemoryBackend> {
  const records = await logOf();
  return storeOf({ log: records.map((record) => ({ ...record, at: times[record.version] ?? record.at })) });
}

describe('a time', () => {
  test('finds the version of then, while nobody touched the times', async () => {
    const agent = new Store(await withTimes({})).agent<number>('log', { transforms });
    for (const [time, n] of [
      [1000, 1],
      [1999, 1],
      [2500, 2],
      [3999, 3],
      [4000, 4],
      [9000, 4],
    ] as const)
      expect(await agent.load(at(time))).toBe(n);
    await expect(agent.load(at(999))).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
  });

  test.each([
    ['one that should have been found is later', { 2: 2900 }],
    ['one that should not is earlier', { 3: 2400 }],
    ['all later ones are later still', { 2: 2900, 3: 3900, 4: 4900 }],
  ])('finds no other one: %s', async (_name, times) => {
    const store = new Store(await withTimes(times));
    await expect(store.agent('log', { transforms }).load(at(2500))).rejects.toMatchObject(corrupt);
    const forked = store.fork('log', 'copy', new Date(2500), { transforms });
    await expect(forked).rejects.toMatchObject(corrupt);
    expect(await store.has('copy')).toBe(false);
  });

  test('of a record counts for nothing where a checkpoint says another', async () => {
    const records = await logOf();
    const { id, version } = records[2] as LogRecord;
    const backend = await withTimes({ 3: 2400 });
    const { wrapping } = new Store(backend).engine.define({ transforms });
    await backend.checkpoint('log', wrapping.checkpoint('log', { version, id, at: 3000, data: '3' }));
    const agent = new Store(backend).agent<number>('log', { transforms });
    expect(await agent.load({ at: 3 })).toBe(3);
    await expect(agent.load(at(2500))).rejects.toMatchObject(corrupt);
  });
});

describe('an operation id', () => {
  class Misleading extends MemoryBackend {
    override async find(): Promise<ReadonlyMap<string, Version>> {
      return new Map([['pay-9', 2]]);
    }
  }

  test('is taken for done only where the version that was found has it', async () => {
    const backend = new Misleading();
    const agent = new Store(backend).agent<number>('log', { transforms });
    for (let n = 1; n <= 3; n++) await agent.save(n);
    await expect(agent.save(9, { operationId: 'pay-9' })).rejects.toMatchObject(corrupt);
    expect(await agent.load()).toBe(3);
  });

  test('that was written is found again', async () => {
    const agent = new Store(await storeOf({ log: await logOf() })).agent<number>('log', { transforms });
    expect(await agent.save(3, { operationId: 'pay-3' })).toBe(3);
    expect((await agent.read()).version).toBe(4);
  });
});

describe('a checkpoint that holds nothing', () => {
  test('deletes no state that is live', async () => {
    const backend = await storeOf({ log: await logOf() });
    const { version, id, at: written } = (await backend.read('log')).head ?? {};
    await backend.checkpoint('log', { version: version ?? 0, id: id ?? '', at: written ?? 0, data: null });
    expect((await backend.read('log')).checkpoint).toMatchObject({ data: null });
    const options = { transforms, initial: () => 0 };
    await expect(new Store(backend).agent<number>('log', options).load()).rejects.toMatchObject(corrupt);
    await expect(new Store(backend).agent<number>('log', options).update((n) => n + 1)).rejects.toMatchObject(
      corrupt,
    );
  });

  test('is right for one that was deleted or erased', async () => {
    const backend = await storeOf({ log: await logOf() });
    const store = new Store(backend);
    const agent = () => new Store(backend).agent<number>('log', { transforms, initial: () => 0 });
    await agent().delete();
    const { head } = await backend.read('log');
    await backend.checkpoint('log', { version: 5, id: head?.id ?? '', at: head?.at ?? 0, data: null });
    expect(await agent().load()).toBe(0);
    await store.erase('log');
    expect((await backend.read('log')).base).toMatchObject({ data: null });
    expect(await agent().load()).toBe(0);
    expect(await agent().update((n) => n + 1)).toMatchObject({ state: 1 });
  });
});
