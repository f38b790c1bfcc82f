/** The transforms of one definition, applied to the text of its records, and undone. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { BackendCapabilities, Checkpoint, LogRecord } from '../backend.js';
import type { BlobOptions } from '../blobs/blob-store.js';
import { Blobs } from '../blobs/blob-tags.js';
import type { Json } from '../codec/json.js';
import { StateCorruptionError, UnsupportedError } from '../errors.js';
import type { TextPlace, Transform } from './transform.js';

const NO_BYTES: ReadonlyMap<string, Uint8Array> = new Map();

const NAME = /^[A-Za-z0-9._:-]{1,80}$/;

/** What a text is stored as. */
interface Wrapped {
  /** A JSON text, as a store expects it: base64 of the bytes, in quotes. */
  readonly data: string;
  /** The names of what was done, in that order, with `+` between them. */
  readonly codec?: string;
}

/** A record, checkpoint or base as a store gives it. */
type Stored = Pick<LogRecord, 'version' | 'at' | 'id' | 'data' | 'document' | 'codec' | 'schema' | 'meta'>;

export class Wrapping {
  /** Whether texts are stored as they are. */
  readonly isPlain: boolean;
  /** Whether what is stored cannot be read without a key. */
  readonly encrypts: boolean;
  /** Where large bytes lie; undefined: in the records. */
  readonly blobs: Blobs | undefined;
  /** Whether what is read was authenticated, other than deletions. */
  readonly authenticates: boolean;
  private readonly transforms: readonly Transform[];

  /** @throws TypeError for what is no list of transforms, or for an order that cannot be meant */
  constructor(
    transforms: readonly Transform[] = [],
    blobs?: BlobOptions,
    /** Whether checkpoints carry a checksum: those of a stream are discarded when it does not fit. */
    private readonly sums = false,
  ) {
    this.transforms = checked(transforms);
    this.blobs = blobs === undefined ? undefined : new Blobs(blobs);
    this.authenticates = this.transforms.some(({ required, encrypts }) => required || encrypts);
    this.isPlain = this.transforms.length === 0 && blobs === undefined;
    this.encrypts = this.transforms.some(({ encrypts }) => encrypts === true);
    if (this.encrypts && this.blobs?.encrypts === false) {
      throw new UnsupportedError(
        '`blobs` lie in their store as they are, so they do not go with `encrypt`. Encrypt them too with `blobs: { store, keys }`, ' +
          'or leave `blobs` out: the bytes are encrypted with the record then.',
      );
    }
  }

  /** Whether it was made of these very transforms, in this order. */
  isOf(transforms: readonly Transform[] = []): boolean {
    const own = this.transforms;
    return (
      own.length === transforms.length && own.every((transform, index) => transform === transforms[index])
    );
  }

  /**
   * A record as it is to be stored; itself where nothing is to be done.
   * @param after the id of the version before
   */
  record(key: string, record: LogRecord, after: string | undefined): LogRecord {
    if (this.isPlain) return record;
    const { version, kind, at, id, schema, meta } = record;
    const { data, bytes } = this.taken(record);
    const wrapped = {
      version,
      kind,
      at,
      id,
      ...this.wrap(data, placeOf(key, record, kind, after)),
      ...(schema === undefined ? {} : { schema }),
      ...(meta === undefined ? {} : { meta }),
    };
    this.blobs?.owe(wrapped, bytes);
    return wrapped;
  }

  /**
   * The same for a checkpoint or base.
   * @param asValue the store keeps the document itself, where nothing is done to it: there is no text that could be damaged
   */
  checkpoint(key: string, checkpoint: Checkpoint, asValue = false): Checkpoint {
    const { sums } = this;
    if (sums && asValue && this.isPlain) return foldedValue(checkpoint);
    if ((this.isPlain && !sums) || checkpoint.data === null) return checkpoint;
    const { version, at, id, schema, meta } = checkpoint;
    const { data, bytes } = this.taken({ ...checkpoint, data: checkpoint.data });
    const wrapped = {
      version,
      id,
      at,
      ...this.wrap(data, placeOf(key, { ...checkpoint, data }, 'checkpoint'), sums ? [this.sumOf(data)] : []),
      ...(schema === undefined ? {} : { schema }),
      ...(meta === undefined ? {} : { meta }),
    };
    this.blobs?.owe(wrapped, bytes);
    return wrapped;
  }

  /**
   * The text as it was before it was wrapped; undefined where the document that travels with it is what counts.
   * @param maxBytes what it may weigh
   * @throws StateCorruptionError, StateTooLargeError; UnsupportedError for a transform that was not given
   */
  textOf(
    key: string,
    stored: Stored,
    kind: TextPlace['kind'],
    after: string | undefined,
    maxBytes: number,
  ): string | undefined {
    const { codec } = stored;
    if (this.transforms.length === 0 && codec === undefined)
      return stored.document === undefined ? stored.data : undefined;
    const names = codec === undefined ? [] : codec.split('+');
    const place = placeOf(key, stored, kind, after);
    const sum = kind === 'checkpoint' && isSum(names[0]) ? names.shift() : undefined;
    if (sum !== undefined && !this.sums) throw foldedElsewhere(place);
    this.requireAll(names, place);
    if (sum === FOLDED && names.length === 0 && stored.document !== undefined) return undefined;
    const before = sum === undefined ? [] : [sum];
    const text = names.length === 0 ? stored.data : this.unwrap(stored.data, before, names, place, maxBytes);
    const fits = sum === FOLDED ? this.isEncrypted(names) : sum === undefined || sum === sumOf(text);
    return fits ? text : damaged(place, 'does not fit its checksum');
  }

  /** Of what is encrypted a checksum in plain text would tell; and it is authenticated anyway. */
  private sumOf(text: string): string {
    return this.encrypts ? FOLDED : sumOf(text);
  }

  private isEncrypted(names: readonly string[]): boolean {
    return this.transforms.some((one) => one.encrypts === true && names.some((name) => one.knows(name)));
  }

  /** Whether a checkpoint says that it was folded of events. */
  isSummed({ codec }: Pick<Checkpoint, 'codec'>): boolean {
    return isSum(codec?.split('+', 1)[0]);
  }

  /**
   * For agents that pass events over: what one holds is never asked for then, and a record that is called one would be
   * stepped over without having been authenticated.
   * @throws StateCorruptionError for an event, where records are authenticated
   */
  assertNoEvent(key: string, { kind, version }: Pick<LogRecord, 'kind' | 'version'>): void {
    if (kind !== 'event' || !this.authenticates) return;
    throw new StateCorruptionError(
      `Version ${version} of "${key}" is stored as an event, which this agent does not read and nothing authenticates: ` +
        'somebody put it there, or changed what a record is called. It was left as it is.',
      { key },
    );
  }

  /**
   * @throws UnsupportedError where the store keeps the current document beside the log: it would lie there as it is
   */
  assertFits({ materializes }: BackendCapabilities, storeName: string): void {
    if (this.isPlain || !materializes) return;
    throw new UnsupportedError(
      `The ${storeName} store keeps the current state as plain JSON as well, where \`transforms\` and \`blobs\` do nothing. ` +
        "Turn `materialize` off, use the file format 'journal', or leave them out. Nothing was stored.",
    );
  }

  /** The text of a record, and what was taken out of it. */
  private taken(record: Pick<LogRecord, 'document' | 'data'>): {
    readonly data: string;
    readonly bytes: ReadonlyMap<string, Uint8Array>;
  } {
    if (this.blobs === undefined) return { data: record.data, bytes: NO_BYTES };
    const { document, bytes } = this.blobs.take((record.document ?? JSON.parse(record.data)) as Json);
    return { data: bytes.size === 0 ? record.data : JSON.stringify(document), bytes };
  }

  private wrap(text: string, place: TextPlace, names: string[] = []): Wrapped {
    if (this.transforms.length === 0)
      return names.length === 0 ? { data: text } : { data: text, codec: names.join('+') };
    const plain = names.length;
    let bytes: Uint8Array = Buffer.from(text);
    for (const transform of this.transforms) {
      const done = transform.apply(bytes, names, place);
      if (done === undefined) continue;
      if (!NAME.test(done.name)) {
        throw new TypeError(
          `A transform gave the name ${JSON.stringify(done.name)}, which cannot be stored.`,
        );
      }
      names.push(done.name);
      bytes = done.bytes;
    }
    if (names.length === 0) return { data: text };
    if (names.length === plain) return { data: text, codec: names.join('+') };
    return { data: `"${bufferOf(bytes).toString('base64')}"`, codec: names.join('+') };
  }

  /** Nothing that the store says may get a text past a transform that has to have had its part in it. */
  private requireAll(names: readonly string[], { key, version }: TextPlace): void {
    for (const transform of this.transforms) {
      if (!transform.required || names.some((name) => transform.knows(name))) continue;
      throw new StateCorruptionError(
        `Version ${version} of "${key}" is stored without encryption, which this agent does not accept: anybody could ` +
          'have put it there. A state that was kept in plain text is taken over with encrypt({ keys, acceptPlaintext: true }).',
        { key },
      );
    }
  }

  /** @param before what is said of the text and was not done to it */
  private unwrap(
    data: string,
    before: readonly string[],
    names: readonly string[],
    place: TextPlace,
    maxBytes: number,
  ): string {
    let bytes: Uint8Array = fromBase64(data) ?? damaged(place, 'is not base64');
    // Each transform at most once, in the order given: the names are as little to be trusted as the bytes.
    let end = this.transforms.length;
    for (let i = names.length - 1; i >= 0; i--) {
      const name = names[i] as string;
      do end -= 1;
      while (end >= 0 && this.transforms[end]?.knows(name) !== true);
      const transform = this.transforms[end];
      if (transform === undefined) throw notGiven(place, name, names);
      bytes = transform.undo(bytes, name, [...before, ...names.slice(0, i)], place, maxBytes);
    }
    return isUtf8(bytes) ? bufferOf(bytes).toString('utf8') : damaged(place, 'is not UTF-8');
  }
}

function placeOf(
  key: string,
  { version, at, id, schema, meta }: Stored,
  kind: TextPlace['kind'],
  before?: string,
): TextPlace {
  return { key, kind, version, id, at, after: kind === 'patch' ? before : undefined, schema, meta };
}

/** The bytes of `"<base64>"`; undefined unless it is what is written for those bytes, to the last bit. */
function fromBase64(data: string): Buffer | undefined {
  const bytes = Buffer.from(data.slice(1, -1), 'base64');
  return `"${bytes.toString('base64')}"` === data ? bytes : undefined;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged({ key, version }: TextPlace, what: string): never {
  throw new StateCorruptionError(
    `What is stored of version ${version} of "${key}" ${what}. It was left as it is.`,
    { key },
  );
}

/** What a checkpoint of a stream carries: a part of its SHA-256, which is about damage, not about forgery. */
function sumOf(text: string): string {
  return `${SUM}${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

const SUM = 'fold-sha256:';

/** What one carries that is encrypted, or kept as a value: there is no text that could be damaged unnoticed. */
const FOLDED = 'fold';

/** Its text is made only where somebody asks for it. */
function foldedValue(checkpoint: Checkpoint): Checkpoint {
  const { version, id, at, document, schema, meta } = checkpoint;
  if (document === undefined) return checkpoint;
  return {
    version,
    id,
    at,
    document,
    codec: FOLDED,
    get data() {
      return checkpoint.data;
    },
    ...(schema === undefined ? {} : { schema }),
    ...(meta === undefined ? {} : { meta }),
  };
}

function isSum(name: string | undefined): boolean {
  return name === FOLDED || name?.startsWith(SUM) === true;
}

function foldedElsewhere({ key, version }: TextPlace): UnsupportedError {
  return new UnsupportedError(
    `The state of "${key}" at version ${version} was made of events: open it as the event stream that it is.`,
    { key },
  );
}

function notGiven({ key, version }: TextPlace, name: string, names: readonly string[]): UnsupportedError {
  return new UnsupportedError(
    `Version ${version} of "${key}" is stored with the codec "${names.join('+')}"; this agent was not given the ` +
      `transform for "${name}", or not in this order. Add it to \`transforms\`.`,
    { key },
  );
}

/** @throws TypeError */
export function assertList(transforms: unknown): asserts transforms is readonly Transform[] {
  if (Array.isArray(transforms)) return;
  throw new TypeError('`transforms` is a list: [compress(), encrypt({ keys })].');
}

function checked(transforms: readonly Transform[]): readonly Transform[] {
  assertList(transforms);
  for (const [index, transform] of transforms.entries()) {
    const { apply, undo, knows, encrypts } = (transform ?? {}) as Partial<Transform>;
    if (typeof apply !== 'function' || typeof undo !== 'function' || typeof knows !== 'function') {
      throw new TypeError(`transforms[${index}] is no transform, as compress() and encrypt() make them.`);
    }
    if (encrypts === true && index < transforms.length - 1) {
      throw new TypeError(
        'encrypt is the last one of `transforms`: what is encrypted cannot be made smaller.',
      );
    }
  }
  return Object.freeze([...transforms]);
}
