/** Who reads events behind their writers: what they have not done yet is neither compacted nor trimmed. */
import { type CallOptions, StateAgent, type Store, UnsupportedError, type Version } from 'dgents-core';
import {
  CONSUMERS_KEY,
  type Consumer,
  neededFrom as neededOf,
  type StreamConsumer,
} from 'dgents-core/folding';

type Registry = Map<string, Consumer>;

const MAX_NAME_LENGTH = 200;

/**
 * From now on nothing of the store is compacted or trimmed that this consumer has not done. Registering it again as it is
 * changes nothing; under the same name as something else replaces what was registered.
 *
 * What it has done is told by the newest version of its checkpoint, any state of the store: by its
 * `meta.position`, the feed's position of the last entry done (`kind: 'feed'`), or `meta.version`, the last version done of
 * a stream (`kind: 'stream'`). As long as there is none, it needs all there is: register before the first event is read.
 *
 * @param name 1 to 200 characters, of your choosing; what a compaction gives as `heldBackBy`
 * @throws UnsupportedError for a consumer of the feed of a store that has none
 */
export async function registerConsumer(
  store: Store,
  name: string,
  consumer: Consumer,
  options?: CallOptions,
): Promise<void> {
  checkName(name);
  const own = checked(consumer);
  const { feed } = await store.ready(options);
  if (own.kind === 'feed' && feed === false) {
    throw new UnsupportedError(
      `The ${store.backend.name} store has no feed: register "${name}" for a stream.`,
    );
  }
  const registry = open(store);
  // Most of the time it is there: every process that runs it registers it.
  if (isSame((await registry.load(options)).get(name), own)) return;
  await registry.update((consumers) => void consumers.set(name, own), options);
}

/**
 * What this consumer has not done may go.
 * @returns whether there was one of this name
 */
export async function forgetConsumer(store: Store, name: string, options?: CallOptions): Promise<boolean> {
  checkName(name);
  let had = false;
  const registry = open(store);
  if (!(await registry.load(options)).has(name)) return false;
  await registry.update((consumers) => {
    had = consumers.delete(name);
  }, options);
  return had;
}

/** All that are registered, by name. */
export async function consumers(store: Store, options?: CallOptions): Promise<ReadonlyMap<string, Consumer>> {
  return open(store).load(options);
}

/**
 * The oldest version of a stream that some registered consumer has not done, and the name of that one; undefined where
 * nobody needs anything of it.
 *
 * For each consumer of the feed what follows its position is read, up to the first event of this stream: nothing where it
 * has caught up.
 * @throws StorageTimeoutError where one is so far behind that this could not be found out in time
 */
export async function neededFrom(
  store: Store,
  stream: string,
  options?: CallOptions,
): Promise<{ readonly version: Version; readonly by: string } | undefined> {
  const { engine } = store;
  engine.assertOpen();
  const call = engine.call(options, engine.timeoutMs);
  await engine.ready(call);
  return engine.within(neededOf(engine, stream, call), call, stream);
}

function open(store: Store): StateAgent<Registry> {
  store.engine.assertOpen();
  const registry = new StateAgent<Registry>(store.engine, CONSUMERS_KEY, {
    initial: () => new Map(),
    // It is asked for what it says now.
    retain: { versions: 1 },
  });
  return store.adopt(registry);
}

function checkName(name: string): void {
  if (typeof name !== 'string')
    throw new TypeError(`The name of a consumer is a string, not ${typeof name}.`);
  if (name.length > 0 && name.length <= MAX_NAME_LENGTH) return;
  throw new RangeError(`The name of a consumer has 1 to ${MAX_NAME_LENGTH} characters, not ${name.length}.`);
}

function checked(consumer: Consumer): Consumer {
  const { kind, checkpoint } = consumer;
  checkText('checkpoint', checkpoint);
  if (kind === 'stream') {
    checkText('stream', consumer.stream);
    return { kind, stream: consumer.stream, checkpoint };
  }
  if (kind !== 'feed') throw new TypeError("A consumer is of the kind 'feed' or 'stream'.");
  const { prefixes } = consumer;
  if (prefixes === undefined) return { kind, checkpoint };
  if (!Array.isArray(prefixes)) throw new TypeError('`prefixes` is a list of texts.');
  for (const prefix of prefixes) checkText('prefixes', prefix);
  return { kind, checkpoint, prefixes: [...prefixes] };
}

function checkText(name: keyof StreamConsumer | 'prefixes', text: unknown): void {
  if (typeof text === 'string' && text !== '') return;
  throw new TypeError(`\`${name}\` of a consumer is a text that is not empty.`);
}

function isSame(known: Consumer | undefined, given: Consumer): boolean {
  return JSON.stringify(known) === JSON.stringify(given);
}
