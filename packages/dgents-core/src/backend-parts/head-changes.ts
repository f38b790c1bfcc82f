import type { Head } from '../backend.js';
import { DgentsError } from '../errors.js';

/**
 * What a watch asks again and again: the head, once it is another one than before. The first head is what the watch
 * begins from: it is asked for as soon as it has begun, and only changes of it are told.
 *
 * While the store does not answer there is nothing to tell: a watch goes on after it.
 *
 * @param headNow asks the store
 * @param begun resolves to whether the watch has begun, rather than ended before it could; at once unless told
 */
export function headChanges(
  headNow: () => Promise<Head | undefined>,
  begun: Promise<boolean> = Promise.resolve(true),
): () => Promise<readonly Head[]> {
  const before = begun.then((has) => (has ? headNow() : undefined));
  // Whoever asks for the first one is told.
  before.catch(() => undefined);
  let seen: Head | undefined;
  let asked = false;
  return async () => {
    if (!(await begun)) return [];
    if (!asked) seen = await unlessPassing(before);
    asked = true;
    const head = await unlessPassing(headNow());
    if (head === undefined || (head.version === seen?.version && head.id === seen.id)) return [];
    seen = head;
    return [head];
  };
}

function unlessPassing<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (DgentsError.is(error) && error.retryable) return undefined;
    throw error;
  });
}
