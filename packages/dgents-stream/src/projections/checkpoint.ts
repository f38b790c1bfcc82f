/**
 * How far a projection is, as the meta of its checkpoint tells: `{ position }` in the feed, or `{ version, stream }` in one
 * stream. A version says nothing without its stream: whoever takes it for that of another one passes events over.
 */
import { type Head, type Meta, UnsupportedError } from 'dgents-core';
import type { Place } from './items.js';

/** Whose it is. */
export interface CheckpointOwner {
  readonly id: string;
  readonly checkpointKey: string;
}

export function checkpointMeta(stream: string | undefined, place: Place): Meta {
  return stream === undefined ? { position: place } : { version: place, stream };
}

/**
 * @param stream what is followed; undefined: the feed
 * @returns undefined at the beginning
 * @throws UnsupportedError where it follows something else, or no processor wrote the model
 */
export function placeIn(
  { id, checkpointKey: key }: CheckpointOwner,
  { head, meta }: { readonly head: Head | null; readonly meta?: Meta | undefined },
  stream: string | undefined,
): Place | undefined {
  if (head === null || head.deleted) return undefined;
  const found = (meta ?? {}) as Readonly<Record<string, unknown>>;
  const isOfFeed = typeof found.position === 'string';
  if (!isOfFeed && (typeof found.version !== 'number' || typeof found.stream !== 'string')) {
    throw new UnsupportedError(
      `The model "${key}" has no checkpoint: it is kept inline, or was written by something else. No processor may run for ` +
        `it; give "${id}" another name, or raise its version, to build a model of its own.`,
      { key },
    );
  }
  const followed = isOfFeed ? undefined : (found.stream as string);
  if (followed === stream) return (isOfFeed ? found.position : found.version) as Place;
  throw new UnsupportedError(
    `"${id}" follows ${named(followed)}; give it another name to follow ${named(stream)}.`,
    { key },
  );
}

function named(stream: string | undefined): string {
  return stream === undefined ? 'the feed' : `"${stream}"`;
}
