import { HookedBackend, NEVER, gate } from '../../test/hooked-backend.js';
import { failureOf, all } from '../../test/places.js';
import { memoryBackend, Store, newOperationId, VolatileAgent, fileBackend, openStore } from '../index.js';
import { mkdtempSync } from 'node:fs';
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
test('P1 aborted save must not poison comparison', async () => {
  const shared = memoryBackend();
  const s1 = new Store(memoryBackend({ sharing: shared })); const s2 = new Store(memoryBackend({ sharing: shared }));
  const a = s1.agent<number>('k'); const b = s2.agent<number>('k');
  await b.save(1);
  await failureOf(a.save(9, { signal: AbortSignal.abort() }));
  await a.load(); await b.save(2);
  expect((await failureOf(a.save(3))).name).toBe('StateConflictError');
});
test('P2 failed update before un-awaited save must not make it blind', async () => {
  const shared = memoryBackend();
  const s1 = new Store(memoryBackend({ sharing: shared })); const s2 = new Store(memoryBackend({ sharing: shared }));
  const a = s1.agent<number>('k'); const b = s2.agent<number>('k');
  await a.save(1); await b.load(); await b.save(2);
  const u = a.update(() => { throw new RangeError('no'); });
  const s = a.save(3);
  expect((await failureOf(u)).name).toBe('RangeError');
  expect((await failureOf(s)).name).toBe('StateConflictError');
});
test('P3 abort of one in a batch leaves the other alone', async () => {
  const h = new HookedBackend(memoryBackend()); const store = new Store(h); await store.ready();
  const a = store.agent<number>('k', { initial: () => 0 }); const b = store.agent<number>('k', { initial: () => 0 });
  const g = gate('read'); h.before = g.hook;
  const c = new AbortController();
  const ua = a.update((n) => n + 1, { signal: c.signal, timeoutMs: 9000 }); const ub = b.update((n) => n + 1);
  const fa = failureOf(ua); ub.catch(() => {});
  await g.entered; c.abort(); await sleep(5); g.open();
  expect((await fa).name).toBe('AbortError');
  await ub; expect(await b.load()).toBe(1);
});
test('P4 fork and erase with schemaVersion 2', async () => {
  const store = new Store(memoryBackend());
  const a = store.agent<{ n: number }>('k', { schemaVersion: 2, migrations: { 1: (s) => s } });
  await a.save({ n: 1 });
  const r: string[] = [];
  await store.fork('k', 'l').then(() => r.push('forked'), (e) => r.push(e.message));
  await store.erase('k').then(() => r.push('erased'), (e) => r.push(e.message));
  expect(r).toEqual(['forked', 'erased']);
});
test('P5 timeline on hanging range settles', async () => {
  const h = new HookedBackend(memoryBackend()); const store = new Store(h, { timeoutMs: 100 });
  const a = store.agent<number>('k'); await a.save(1); await a.save(2); await a.save(3);
  h.before = ({ method }) => method === 'range' ? NEVER : undefined;
  const r = await Promise.race([failureOf(all(a.timeline())), sleep(1000).then(() => ({ name: 'hung' }))]);
  expect(r.name).toBe('StorageTimeoutError');
});
test('P6 usable after a read whose answer never came', async () => {
  const h = new HookedBackend(memoryBackend()); const store = new Store(h, { timeoutMs: 100 });
  const a = store.agent<number>('k'); await a.save(1);
  h.before = ({ method }) => method === 'read' ? NEVER : undefined;
  expect((await failureOf(a.load())).name).toBe('StorageTimeoutError');
  h.before = undefined;
  expect(await a.load()).toBe(1);
});
test('P6b usable after a ready whose answer never came', async () => {
  const h = new HookedBackend(memoryBackend()); const store = new Store(h, { timeoutMs: 100 });
  const a = store.agent<number>('k');
  h.before = ({ method }) => method === 'ready' ? NEVER : undefined;
  expect((await failureOf(a.save(1))).name).toBe('StorageTimeoutError');
  h.before = undefined;
  await a.save(1);
  expect(await a.load()).toBe(1);
});
test('P6c openStore on a hanging ready settles', async () => {
  const h = new HookedBackend(memoryBackend());
  h.before = ({ method }) => method === 'ready' ? NEVER : undefined;
  const r = await Promise.race([failureOf(openStore('x:', { timeoutMs: 100, backends: { x: () => h } })), sleep(1000).then(() => ({ name: 'hung' }))]);
  expect(r.name).toBe('StorageTimeoutError');
});
test('P7 opaque id on trimmed log, handle that loaded', async () => {
  const shared = memoryBackend(); const store = new Store(shared);
  const a = store.agent<number>('k', { initial: () => 0 });
  await a.save(1, { operationId: 'op-1' });
  for (let i = 0; i < 5; i++) await a.update((n) => n + 1);
  const tail = await shared.read('k');
  const r4 = (await all(shared.range('k', { from: 4, to: 4 })))[0]!;
  await shared.trim('k', { version: 4, id: r4.id, at: r4.at, data: '4', document: 4 });
  const fresh = new Store(memoryBackend({ sharing: shared })).agent<number>('k');
  await fresh.load();
  expect((await failureOf(fresh.save(1, { operationId: 'op-1' }))).name).toBe('OutcomeUnknownError');
  expect(tail.head!.version).toBe(6);
});
test('P8 another process writes the same id while we look it up', async () => {
  const shared = memoryBackend();
  const h = new HookedBackend(memoryBackend({ sharing: shared })); const store = new Store(h); await store.ready();
  const other = new Store(memoryBackend({ sharing: shared }));
  const a = store.agent<number>('k', { initial: () => 0 });
  await a.update((n) => n + 1);
  let once = true;
  h.after = async ({ method }) => {
    if (method !== 'find' || !once) return; once = false;
    await other.agent<number>('k').update((n) => n + 1, { operationId: 'op' });
    await a.load();
  };
  await a.update((n) => n + 1, { operationId: 'op' });
  expect(await a.load()).toBe(2);
});
test('P9 transact: abort within recipe no unhandled', async () => {
  const store = new Store(memoryBackend());
  const a = store.agent<number[]>('k', { initial: () => [] });
  const c = new AbortController();
  const seen: unknown[] = []; const on = (e: unknown) => seen.push(e); process.on('unhandledRejection', on);
  const t0 = Date.now();
  const e = await failureOf((store as any).transact([a], () => { c.abort(); }, { signal: c.signal }));
  await sleep(20); process.off('unhandledRejection', on);
  expect(seen).toEqual([]);
  expect([e.name, Date.now() - t0 < 1000]).toEqual(['AbortError', true]);
});
test('P10 transact enforces durability and ttl', async () => {
  let now = 1000;
  const store = new Store(memoryBackend({ clock: () => now }));
  const a = store.agent<any>('k', { initial: () => ({}), requireDurability: 'power' });
  expect((await failureOf((store as any).transact([a], (d: any) => { d.x = 1; }))).name).toBe('UnsupportedError');
});
test('P10b', async () => {
  let now = 1000;
  const store = new Store(memoryBackend({ clock: () => now }));
  const b = store.agent<any>('b', { initial: () => ({}), ttlMs: 10 });
  await (store as any).transact([b], (d: any) => { d.x = 1; });
  now += 100;
  expect(await store.has('b')).toBe(false);
});
test('P11 short-lived stores in a busy log trim by grace', async () => {
  const path = mkdtempSync('/tmp/dgents-p'); let now = 1e12;
  let floor = 0;
  for (let i = 0; i < 400; i++) {
    const store = new Store(fileBackend({ path, durability: 'process' }), { clock: () => now });
    const a = store.agent<number>('k', { initial: () => 0, retain: { versions: 10 } });
    await a.update((n) => n + 1); now += 5000;
    if (i === 399) floor = (await store.backend.read('k')).floor;
    await store.close();
  }
  expect(floor).toBeGreaterThan(1);
});
test('P12 history during trims', async () => {
  const a = new VolatileAgent<{ n: number }>({ initial: () => ({ n: 0 }), retain: { versions: 20 } });
  const errors: string[] = [];
  const w = (async () => { for (let i = 0; i < 400; i++) await a.update((d) => { d.n += 1; }); })();
  let done = false; void w.then(() => { done = true; });
  while (!done) await a.history().catch((e) => errors.push(e.message));
  expect(errors).toEqual([]);
});
test('P12b timeline during trims', async () => {
  const a = new VolatileAgent<{ n: number }>({ initial: () => ({ n: 0 }), retain: { versions: 20 } });
  const errors: string[] = [];
  const w = (async () => { for (let i = 0; i < 400; i++) await a.update((d) => { d.n += 1; }); })();
  let done = false; void w.then(() => { done = true; });
  while (!done) await all(a.timeline()).catch((e) => errors.push(e.message));
  expect(errors.slice(0, 2)).toEqual([]);
});
test('P13 close waits for reads and transacts', async () => {
  const path = mkdtempSync('/tmp/dgents-p');
  const store = new Store(fileBackend({ path, durability: 'process' }));
  await store.agent('k').save(1);
  const s2 = new Store(fileBackend({ path, durability: 'process' }));
  const r = s2.agent('k').load(); const r2 = r.catch((e) => e.name);
  await s2.close();
  expect(await r2).toBe(1);
});
test('P13b', async () => {
  const store = new Store(memoryBackend()); const a = store.agent<any>('k', { initial: () => ({}) });
  const t = (store as any).transact([a], (d: any) => { d.x = 1; }).catch((e: any) => e.name);
  await store.close();
  expect(await t).not.toBe('AgentClosedError');
});
test('P13c', async () => {
  const shared = memoryBackend();
  const store = new Store(memoryBackend({ sharing: shared })); const a = store.agent<any>('k', { initial: () => ({}) }); await a.save(1);
  const t = a.delete({ erase: true }).catch((e: any) => e.name);
  await store.close();
  expect(await t).toBe(true);
});
test('P14 repeated delete tells the same', async () => {
  const store = new Store(memoryBackend()); await store.agent('k').save(1);
  expect(await store.agent('k').delete({ operationId: 'd' })).toBe(true);
  expect(await store.agent('k').delete({ operationId: 'd' })).toBe(true);
});
test('P15 url leak', async () => {
  expect((await failureOf(openStore('my_user:secret@host/db'))).message).not.toContain('secret');
});
test('P16 both paths alike', async () => {
  for (const size of [10, 6000]) {
    const store = new Store(memoryBackend());
    const a = store.agent<any>('k'); await a.save({ pad: 'x'.repeat(size), list: [1], sub: { z: 1 } });
    expect((await failureOf(a.update((d: any) => d.list.push(1)))).message).toMatch(/both changed/);
    expect((await failureOf(a.update((d: any) => { d.sub.z = 2; return { ...d, q: 1 }; }))).message).toMatch(/both changed/);
    expect((await failureOf(a.update((d: any) => { d.sub.z = 2; return d.sub; }))).message).toMatch(/both changed/);
    expect((await failureOf(a.update((d: any) => { d.sub.z = 2; return { w: d.sub }; }))).message).toMatch(/both changed/);
    expect((await a.update((d: any) => { d.sub.z = 3; return d; })).state.sub.z).toBe(3);
    expect((await a.update((d: any) => ({ w: d.sub, keep: d }))).state.w).toEqual({ z: 3 });
    await a.save({ pad: 'x'.repeat(size), sub: { z: 1 } });
    expect((await a.update((d: any) => d.sub)).state).toEqual({ z: 1 });
    await a.save({ pad: 'x'.repeat(size), sub: { z: 1 } });
    expect((await a.update(() => null as any)).state).toBe(null);
    await a.save({ pad: 'x'.repeat(size), sub: { z: 1 } });
    expect((await a.update(() => 0 as any)).state).toBe(0);
    await a.save({ pad: 'x'.repeat(size), sub: { z: 1 } });
    expect((await failureOf(a.update(async (d: any) => { d.x = 1; }))).message).toMatch(/promise/);
  }
});
