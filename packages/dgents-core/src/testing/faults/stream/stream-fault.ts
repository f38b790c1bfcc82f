/** A correct stream of events with one thing wrong. */
import { type EventStreamSubject, runEventStreamKit } from '../../index.js';
import type { EventStreamSettings } from '../../stream-subject.js';
import type { Fault, FaultNote } from '../fault.js';
import { ToyRoom, ToyStream } from './toy-stream.js';

export interface StreamFault extends FaultNote {
  /** The stream that goes wrong. */
  readonly stream: new (
    room: ToyRoom,
    settings: EventStreamSettings,
  ) => ToyStream;
}

export function streamFault({ stream, ...note }: StreamFault): Fault {
  return {
    of: 'stream',
    ...note,
    run: (options) => runEventStreamKit(toyStreams(note.name, stream), options),
  };
}

/** The subject of a fault; without one, correct streams. */
export function toyStreams(
  name: string,
  stream: StreamFault['stream'] = ToyStream,
): EventStreamSubject<ToyRoom> {
  return {
    name,
    claims: {
      durability: 'process',
      values: true,
      messageIds: true,
      metadata: true,
      timeTravel: true,
      foldsFirst: true,
      tryAppend: true,
      decide: true,
      subscribe: true,
      snapshot: true,
    },
    waivers: { crashes: 'a stream in memory has no processes' },
    create: () => new ToyRoom(),
    open: (room, settings) => new stream(room, settings),
    destroy: () => undefined,
    damageSnapshot: ({ snapshots }, key) => {
      const snapshot = snapshots.get(key);
      if (snapshot === undefined) return false;
      snapshots.set(key, { ...snapshot, text: snapshot.text.replace(/"stock":\d+/, '"stock":123456') });
      return true;
    },
  };
}
