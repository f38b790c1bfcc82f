/** The one grammar of `{ "$blob": ["Uint8Array", "<sha-256>", <length>, "<key id>"?] }`, for who reads states and for who collects garbage. */
import type { Json } from '../codec/json.js';
import { StateCorruptionError } from '../errors.js';
import { KEY_ID } from '../transforms/encryption-keys.js';
import type { BlobAddress } from './blob-store.js';

const NAME = /^\w+$/;
const ADDRESS = /^[0-9a-f]{64}$/;
/** A pointer that leads into a tag; a key of a user that starts with `$` is escaped. */
const INTO_A_TAG = /\/\$blob(\/|$)/;

export interface BlobTag {
  readonly name: string;
  readonly address: BlobAddress;
  /** How many bytes it stands for, before they were encrypted. */
  readonly byteLength: number;
  /** The key that it was encrypted with; undefined: it lies there as it is. */
  readonly keyId: string | undefined;
}

/**
 * Every tag of a document, or of what a patch brings.
 * @throws StateCorruptionError for one that is malformed
 */
export function tagsIn(json: Json, key: string): BlobTag[] {
  const tags: BlobTag[] = [];
  const visit = (inner: Json): void => {
    if (typeof inner !== 'object' || inner === null) return;
    if (Object.hasOwn(inner, '$blob')) tags.push(tagOf(inner) ?? malformed(key));
    else for (const each of Object.values(inner) as Json[]) visit(each);
  };
  visit(json);
  return tags;
}

/**
 * The addresses that a stored document refers to.
 * @throws StateCorruptionError for what nobody could read
 */
export function addressesIn(document: Json, key: string): BlobAddress[] {
  return tagsIn(document, key).map(({ address }) => address);
}

/**
 * The addresses that the operations of a stored patch bring.
 * @throws StateCorruptionError for what nobody could read, and where a part of a tag is changed: dgents writes no such patch
 */
export function addressesInPatch(patch: Json, key: string): BlobAddress[] {
  for (const op of Array.isArray(patch) ? (patch as readonly Json[]) : []) {
    const { path, from } = (op ?? {}) as { readonly path?: unknown; readonly from?: unknown };
    if ([path, from].some((pointer) => typeof pointer === 'string' && INTO_A_TAG.test(pointer)))
      malformed(key);
  }
  return addressesIn(patch, key);
}

function tagOf(json: object): BlobTag | undefined {
  const payload = (json as { readonly $blob?: unknown }).$blob;
  if (Object.keys(json).length !== 1 || !Array.isArray(payload)) return undefined;
  if (payload.length !== 3 && payload.length !== 4) return undefined;
  const [name, address, byteLength, keyId] = payload as readonly unknown[];
  const isTag =
    typeof name === 'string' &&
    NAME.test(name) &&
    typeof address === 'string' &&
    ADDRESS.test(address) &&
    Number.isSafeInteger(byteLength) &&
    (byteLength as number) >= 0 &&
    (payload.length === 3 || (typeof keyId === 'string' && KEY_ID.test(keyId)));
  return isTag
    ? { name, address, byteLength: byteLength as number, keyId: keyId as string | undefined }
    : undefined;
}

function malformed(key: string): never {
  throw new StateCorruptionError(`Cannot read the stored state of "${key}": a malformed $blob.`, { key });
}
