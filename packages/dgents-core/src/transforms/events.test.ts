/** Plain agents read no events, so what is called one in an encrypted log was never authenticated. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { recordsOf, storeOf } from '../../test/altered-log.js';
import { seedOf } from '../file/line.js';
import { type Checkpoint, type LogRecord, MemoryBackend, PersistentAgent, Store } from '../index.js';
import { compress, encrypt } from './index.js';

interface Account {
  readonly pad: string;
  balance: number;
  other: number;
}

const keys = [{ id: 'k1', key: randomBytes(32) }];
const transforms = [compress(), encrypt({ keys })];
const corrupt = { code: 'DGENTS_STATE_CORRUPTION', message: expect.stringContaining('as an event') };

/** `set 1`, `patch 2`, `patch 3`, `set 4`. */
async function logOf(): Promise<LogRecord[]> {
  const backend = new MemoryBackend();
  const agent = new Store(backend).agent<Account>('log', { transforms });
  await agent.save({ pad: 'x'.repeat(500), balance: 100, other: 0 });
  await agent.update((draft) => {
    draft.balance = 5;
  });
  await agent.update((draft) => {
    draft.other = 1;
  });
  await agent.save({ pad: '', balance: 0, other: 9 });
  return recordsOf(backend, 'log');
}

const asEvent = (records: readonly LogRecord[], version: number): LogRecord[] =>
  records.map((record) => (record.version === version ? { ...record, kind: 'event' } : record));

async function timelineOf(backend: MemoryBackend, accept = false): Promise<unknown[]> {
  const given = accept ? [compress(), encrypt({ keys, acceptPlaintext: true })] : transforms;
  const seen: unknown[] = [];
  for await (const { version } of new Store(backend).agent('log', { transforms: given }).timeline())
    seen.push(version);
  return seen;
}

describe('a record that is called an event', () => {
  test('in the middle takes no change back', async () => {
    const records = await logOf();
    const backend = await storeOf({ log: asEvent(records.slice(0, 3), 2) });
    const agent = new Store(backend).agent<Account>('log', { transforms });
    await expect(agent.load()).rejects.toMatchObject(corrupt);
    await expect(
      agent.update((draft) => {
        draft.other = 2;
      }),
    ).rejects.toMatchObject(corrupt);
    await expect(agent.load({ at: 2 })).rejects.toMatchObject(corrupt);
    await expect(agent.history()).rejects.toMatchObject(corrupt);
    await expect(timelineOf(backend)).rejects.toMatchObject(corrupt);
    // Taking plain text over means no other labels.
    await expect(timelineOf(backend, true)).rejects.toMatchObject(corrupt);
  });

  test('as the newest does not bring the version before back', async () => {
    const backend = await storeOf({ log: asEvent(await logOf(), 4) });
    const agent = new Store(backend).agent<Account>('log', { transforms });
    await expect(agent.load()).rejects.toMatchObject(corrupt);
    await expect(agent.save({ pad: '', balance: 1, other: 1 })).rejects.toMatchObject(corrupt);
  });

  test('is not left out of a walk that begins at its checkpoint', async () => {
    const records = await logOf();
    const honest = new Store(await storeOf({ log: records })).agent<Account>('log', { transforms });
    const backend = await storeOf({ log: asEvent(records, 2) });
    const { version, id, at } = records[1] as LogRecord;
    const { wrapping } = new Store(backend).engine.define({ transforms });
    const text = JSON.stringify(await honest.load({ at: 2 }));
    const checkpoint: Checkpoint = wrapping.checkpoint('log', { version, id, at, data: text });
    await backend.checkpoint('log', checkpoint);
    const agent = new Store(backend).agent<Account>('log', { transforms });
    expect(await agent.load({ at: 2 })).toMatchObject({ balance: 5 });
    const walk = agent.timeline({ from: 2 });
    await expect(walk[Symbol.asyncIterator]().next()).rejects.toMatchObject(corrupt);
  });

  test('behind the log is not believed, nor its id or meta', async () => {
    const [first] = (await logOf()) as [LogRecord];
    const forged: LogRecord = {
      version: 2,
      kind: 'event',
      at: first.at,
      id: 'forged',
      data: '"hello"',
      meta: { by: 'mallory' },
    };
    const backend = await storeOf({ log: [first, forged] });
    const agent = () => new Store(backend).agent<Account>('log', { transforms });
    await expect(agent().read()).rejects.toMatchObject(corrupt);
    await expect(timelineOf(backend)).rejects.toMatchObject(corrupt);
    const repeated = agent().save({ pad: '', balance: 1, other: 1 }, { operationId: 'forged' });
    await expect(repeated).rejects.toMatchObject(corrupt);
  });

  test('is refused where nothing is authenticated, too: it may be all that the state is made of', async () => {
    const backend = new MemoryBackend();
    await new Store(backend).agent<number>('log', { transforms: [compress()] }).save(1);
    const records = await recordsOf(backend, 'log');
    const event: LogRecord = { version: 2, kind: 'event', at: records[0]?.at ?? 0, id: 'e', data: '"e"' };
    const copy = await storeOf({ log: [...records, event] });
    const agent = new Store(copy).agent<number>('log', { transforms: [compress()] });
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    await expect(agent.save(2)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    expect(await agent.load({ at: 1 })).toBe(1);
  });

  test('is refused in a file, with a checksum that is right', async () => {
    const place = mkdtempSync(join(tmpdir(), 'dgents-events-'));
    try {
      const path = join(place, 'state.jsonl');
      const agent = new PersistentAgent<Account>({ path, transforms });
      await agent.save({ pad: 'p'.repeat(900), balance: 100, other: 0 });
      await agent.update((draft) => {
        draft.balance = 0;
      });
      await agent.close();
      const lines = readFileSync(path, 'latin1').split('\n');
      const index = lines.findIndex((line) => line.includes(',"p+",'));
      const body = (lines[index] as string).replace(',"p+",', ',"e+",').slice(11);
      const sum = (crc32(Buffer.from(body, 'latin1'), seedOf('state')) >>> 0).toString(16).padStart(8, '0');
      lines[index] = `["${sum}"${body}`;
      writeFileSync(path, lines.join('\n'), 'latin1');
      const again = new PersistentAgent<Account>({ path, transforms });
      await expect(again.load()).rejects.toMatchObject(corrupt);
      await again.close();
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
});
