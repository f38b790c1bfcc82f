/** A correct backend with one thing wrong: a store in memory, some of whose methods are replaced. */
import type { Backend } from '../../backend.js';
import { type MemoryBackend, memoryBackend } from '../../memory/memory-backend.js';
import { runBackendKit } from '../index.js';
import type { BackendClaims, BackendSubject } from '../subject.js';
import type { Fault, FaultNote } from './fault.js';

/** A store that every handle of one test shares, with a clock of its own. */
export interface Room<Shared> {
  memory: MemoryBackend;
  /** By how much its clock is ahead, in milliseconds. */
  ahead: number;
  /** What the fault keeps for all handles. */
  readonly shared: Shared;
}

/** What memory can do, keeping text as a store on disk has to. */
const CLAIMS: BackendClaims = {
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
};

export interface BackendFault<Shared> extends FaultNote {
  /** What is claimed differently from memory. */
  readonly claims?: Partial<BackendClaims>;
  /** Made once for each store, for all its handles. */
  readonly shared?: () => Shared;
  /** The methods that go wrong. One that is `undefined` is missing. */
  readonly spoil: (inner: Backend, shared: Shared, room: Room<Shared>) => Spoiled;
  /** Hooks of the subject that it needs. */
  readonly hooks?: Partial<
    Pick<BackendSubject<Room<Shared>>, 'create' | 'destroy' | 'damage' | 'outage' | 'waivers'>
  >;
}

/** Methods in place of others. */
export type Spoiled = { [M in keyof Backend]?: Backend[M] | undefined };

export function backendFault<Shared = undefined>(fault: BackendFault<Shared>): Fault {
  const { name, breaks, caughtBy, like } = fault;
  const run: Fault['run'] = (options) => runBackendKit(spoiledSubject(fault), options);
  return { of: 'backend', name, breaks, caughtBy, like, run };
}

/** The subject of a fault; without one, a correct backend. */
export function spoiledSubject<Shared>({
  name,
  claims,
  shared,
  spoil,
  hooks,
}: Pick<BackendFault<Shared>, 'name' | 'claims' | 'shared' | 'spoil' | 'hooks'>): BackendSubject<
  Room<Shared>
> {
  return {
    name,
    claims: { ...CLAIMS, ...claims },
    create: () => newRoom(shared?.() as Shared),
    open: (room) => {
      const inner = memoryBackend({ sharing: room.memory });
      return spoiled(inner, spoil(inner, room.shared, room));
    },
    destroy: (room) => room.memory.close(),
    advance: (room, ms) => {
      room.ahead += ms;
    },
    ...hooks,
  };
}

export function newRoom<Shared>(shared: Shared): Room<Shared> {
  const time = { ahead: 0 };
  const memory = memoryBackend({ values: false, clock: () => Date.now() + time.ahead });
  return Object.assign(time, { memory, shared });
}

/** `inner` with these methods in place of its own. Unlike a class, it has exactly the methods that are given. */
export function spoiled(inner: Backend, methods: Spoiled): Backend {
  const { find, feed, watch } = inner;
  const whole: Spoiled = {
    name: inner.name,
    capabilities: inner.capabilities,
    ready: (options) => inner.ready(options),
    read: (key, options) => inner.read(key, options),
    commit: (appends, options) => inner.commit(appends, options),
    checkpoint: (key, checkpoint, options) => inner.checkpoint(key, checkpoint, options),
    range: (key, options) => inner.range(key, options),
    trim: (key, base, options) => inner.trim(key, base, options),
    keys: (prefix, options) => inner.keys(prefix, options),
    find: find && ((key, ids, options) => find.call(inner, key, ids, options)),
    feed: feed && ((after, options) => feed.call(inner, after, options)),
    watch: watch && ((key, options) => watch.call(inner, key, options)),
    close: () => inner.close(),
    ...methods,
  };
  for (const name of ['find', 'feed', 'watch'] as const) if (whole[name] === undefined) delete whole[name];
  return whole as Backend;
}
