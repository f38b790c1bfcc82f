import type { Head, LogRecord, Version } from '../backend.js';
import type { Json } from '../codec/codec.js';

/** A record whose text is made when a backend asks for it, and not before. */
export class PendingRecord implements LogRecord {
  readonly version: Version;
  readonly at: number;
  readonly id: string;
  readonly schema?: number;
  readonly meta?: NonNullable<LogRecord['meta']>;

  constructor(
    head: Head,
    readonly kind: LogRecord['kind'],
    readonly document: Json,
    schema: number | undefined,
    meta: LogRecord['meta'],
    /** Of `data`, known without making it. */
    readonly bytes: number,
    /** Whether the document is the value that it stands for, and frozen. */
    readonly isPlain = false,
  ) {
    this.version = head.version;
    this.at = head.at;
    this.id = head.id;
    if (schema !== undefined) this.schema = schema;
    if (meta !== undefined) this.meta = meta;
  }

  get data(): string {
    return JSON.stringify(this.document);
  }
}
