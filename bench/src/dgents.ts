/** dgents as it is measured everywhere: by itself at the port, and as an agent. */
import type { Append, Backend, CommitResult, Head, LogRecord, Store } from 'dgents-core';
import { type Contender, each, interleaved, together } from './measure.js';
import type { Block } from './report.js';
import { change, type Small, small } from './states.js';
import type { Effort } from './suite.js';

let numbers = 0;
const next = () => ++numbers;

/** The record of a whole state, as the port takes it. */
function record(version: number, data: string): LogRecord {
  return { version, kind: 'set', at: Date.now(), id: `operation-${next()}-of-the-bench`, data };
}

/** Commits to one key through the port, without the engine above it. */
export class Port {
  #head: Head | null = null;

  constructor(
    readonly backend: Backend,
    readonly key: string,
  ) {}

  append(): Append {
    const version = (this.#head?.version ?? 0) + 1;
    const expected = this.#head;
    return { key: this.key, expected, records: [record(version, JSON.stringify(small(next())))] };
  }

  async commit(): Promise<void> {
    const [result] = await this.backend.commit([this.append()]);
    if (!result?.ok) throw new RangeError(`the commit to ${this.key} was refused`);
    this.#head = result.head;
  }

  read(): Promise<unknown> {
    return this.backend.read(this.key, this.#head === null ? {} : { after: this.#head });
  }

  readWhole(): Promise<unknown> {
    return this.backend.read(this.key);
  }
}

/** Saves of a state that is there, at the port, by `save` and by `update`. */
export async function saves(store: Store, count: number): Promise<Record<string, Contender>> {
  const port = new Port(store.backend, 'port');
  const saved = store.agent<Small>('saved');
  const updated = store.agent<Small>('updated');
  await port.commit();
  await saved.save(small(next()));
  await updated.save(small(next()));
  return {
    'port commit': () => each(count, () => port.commit()),
    'agent.save': () => each(count, () => saved.save(small(next()))),
    'agent.update': () => each(count, () => updated.update((draft) => change(draft, next()))),
  };
}

/** First saves under keys that nothing was saved under. */
export function creations(store: Store, count: number): Record<string, Contender> {
  return {
    'port create': () => each(count, () => new Port(store.backend, `made-${next()}`).commit()),
    'agent create': () => each(count, () => store.agent<Small>(`first-${next()}`).save(small(next()))),
  };
}

/** Loads where nothing is new. */
export async function unchanged(store: Store, count: number): Promise<Record<string, Contender>> {
  const port = new Port(store.backend, 'port-read');
  const agent = store.agent<Small>('loaded');
  await port.commit();
  await agent.save(small(next()));
  return {
    'port read, nothing new': () => each(count, () => port.read()),
    'agent.load': () => each(count, () => agent.load()),
    'agent.load frozen': () => each(count, () => agent.load({ frozen: true })),
  };
}

/** A hundred agents that save at once, and one after the other. */
export async function crowd(store: Store, size = 100): Promise<Record<string, Contender>> {
  const agents = Array.from({ length: size }, (_, i) => store.agent<Small>(`crowd-${i}`));
  await Promise.all(agents.map((agent) => agent.save(small(next()))));
  return {
    'all at once': () => together(size, () => Promise.all(agents.map((agent) => agent.save(small(next()))))),
    'one after the other': () => each(size, (i) => agents[i]!.save(small(next()))),
  };
}

/** What a save, and a first load, cost with few versions behind them and with many. */
export async function flat(
  name: string,
  store: Store,
  { many, rounds, progress }: { many: number; rounds: number; progress: Effort['progress'] },
): Promise<Block> {
  await store.ready();
  await fill(store.backend, 'young', 100);
  await fill(store.backend, 'old', many);
  const agents = { young: store.agent<Small>('young'), old: store.agent<Small>('old') };
  const ports = { young: new Port(store.backend, 'young'), old: new Port(store.backend, 'old') };
  const contenders = Object.fromEntries(
    (['young', 'old'] as const).flatMap((key) => [
      [`save, ${key}`, () => each(10, () => agents[key].save(small(next())))],
      [`first read, ${key}`, () => each(10, () => ports[key].readWhole())],
    ]),
  );
  return {
    name,
    title: `save and first read, young (100 versions) and old (${many.toLocaleString('en')})`,
    times: await interleaved(contenders, rounds, progress(name)),
    comparisons: [
      { of: 'save, old', to: 'save, young', most: 1.2 },
      { of: 'first read, old', to: 'first read, young', most: 1.2 },
    ],
  };
}

/** Gives a key so many versions, many in an append. */
async function fill(backend: Backend, key: string, count: number): Promise<void> {
  let expected: Head | null = null;
  for (let at = 0; at < count; at += 1_000) {
    const records = Array.from({ length: Math.min(1_000, count - at) }, (_, i) =>
      record(at + i + 1, JSON.stringify(small(at + i))),
    );
    const [result]: readonly CommitResult[] = await backend.commit([{ key, expected, records }]);
    if (!result?.ok) throw new RangeError(`the commit to ${key} was refused`);
    expected = result.head;
  }
}

/** A key with a checkpoint of 4 KB and 50 changes of 100 B after it. Returns their texts, in order. */
export async function tail(backend: Backend, key: string): Promise<string[]> {
  const text = JSON.stringify({ notes: Array.from({ length: 10 }, (_, i) => small(i)) });
  const patch = JSON.stringify([{ op: 'replace', path: '/notes/3/note', value: small(3).note.slice(0, 50) }]);
  const first = { ...record(1, text), id: 'checkpointed' };
  const [made] = await backend.commit([{ key, expected: null, records: [first] }]);
  if (!made?.ok) throw new RangeError(`the commit to ${key} was refused`);
  const records = Array.from({ length: 50 }, (_, i) => ({ ...record(i + 2, patch), kind: 'patch' as const }));
  await backend.commit([{ key, expected: made.head, records }]);
  await backend.checkpoint(key, { version: 1, id: 'checkpointed', at: first.at, data: text });
  return [text, ...records.map(({ data }) => data)];
}
