/** Events from records that somebody else has read, of whichever stream. */
import type { LogRecord } from '../backend.js';
import { Definition, type DefinitionOptions } from '../state/definition.js';
import { eventOf } from '../state/events.js';

export class EventReader {
  private readonly definition: Definition;

  /** @param options those of the agents that wrote them */
  constructor(options: Pick<DefinitionOptions<unknown>, 'codec' | 'transforms'>) {
    this.definition = new Definition(options);
  }

  /**
   * @param key the address of the stream
   * @returns the event as it was stored, decoded
   * @throws StateCorruptionError, StateTooLargeError; UnsupportedError for a transform that was not given
   */
  read(key: string, record: LogRecord): unknown {
    const { definition } = this;
    const { codec, wrapping } = definition;
    const text = wrapping.textOf(key, record, 'event', undefined, codec.maxBytes);
    return text === undefined ? definition.eventIn(record, key) : eventOf(codec, text, key);
  }
}
