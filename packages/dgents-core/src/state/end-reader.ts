/** Of a log whose state is always the same, the end is all there is to know. */
import type { Backend, Head, LogTail, Version } from '../backend.js';
import type { Definition } from './definition.js';
import { begun, type EventRules } from './events.js';
import { headOf, NOTHING, Reader, type Snapshot } from './replica.js';

export function readerOf(backend: Backend, definition: Definition, key: string): Reader {
  const { events } = definition;
  return events?.isConstant === true
    ? new EndReader(backend, definition, key, events)
    : new Reader(backend, definition, key);
}

class EndReader extends Reader {
  override readonly part = { limit: 1 };

  constructor(
    backend: Backend,
    definition: Definition,
    key: string,
    private readonly rules: EventRules,
  ) {
    super(backend, definition, key);
  }

  override async read(timeoutMs: number, at?: Version): Promise<Snapshot> {
    const { backend, key } = this;
    if (at === undefined) return this.ending((await backend.read(key, { ...this.part, timeoutMs })).head);
    for await (const record of backend.range(key, { from: at, to: at, limit: 1, timeoutMs })) {
      return this.ending(headOf(record));
    }
    // The base is no record.
    const { base } = await backend.read(key, { at, limit: 1, timeoutMs });
    return this.ending(base === undefined ? null : { ...base, deleted: base.data === null });
  }

  override async apply(_known: Snapshot, { head }: LogTail): Promise<Snapshot> {
    return this.ending(head);
  }

  private ending(end: Head | null): Snapshot {
    if (end === null) return NOTHING;
    const { version, id, at, deleted, token } = end;
    const head = { version, id, at, deleted, ...(token === undefined ? {} : { token }) };
    const place = { ...NOTHING, head, startVersion: version };
    if (deleted) return place;
    return { ...place, ...begun(this.definition, this.rules, this.key), asStored: false, folded: true };
  }
}
