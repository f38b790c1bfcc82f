import {
  BACKEND_CHANNEL,
  type BackendEvent,
  OPERATION_CHANNEL,
  type OperationEvent,
} from '../observe/events.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import { backendCallAttributes } from './conventions.js';
import { tracedCall } from './current.js';
import { TELEMETRY_OPTIONS, type TelemetryOptions } from './options.js';
import { SpansOfChannel } from './spans-of-channel.js';
import { Telemetry } from './telemetry.js';

export interface InstrumentOptions extends TelemetryOptions {
  /**
   * Also make a span of each call of a backend, below that of the operation it is made for: shows what is sent again,
   * and what is done in the background. Off unless told: it takes an AsyncLocalStorage, with which every promise of the
   * process is slower in Node 20 and 22.
   */
  readonly backendCalls?: boolean;
}

const OPTIONS: OptionNames<InstrumentOptions> = { ...TELEMETRY_OPTIONS, backendCalls: true };

/** They last as long as their consumer likes. */
const STREAMS: ReadonlySet<string> = new Set(['timeline', 'watch', 'keys', 'feed', 'range']);

/**
 * Makes spans and metrics, as {@link TracedAgent} does, of every operation of every agent and store in this process,
 * whoever has made them. Operations of a TracedAgent are not told twice.
 *
 * A span is a child of the one that is active where the operation was called. It is not active itself: spans of a
 * database driver become its siblings. Where they are to be its children, wrap the agent.
 * @returns what ends it; spans that are open then end too
 * @throws TypeError when an option cannot be meant
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  checkOptions('instrument', options, OPTIONS);
  const telemetry = new Telemetry(options);
  const operations = new SpansOfChannel<OperationEvent>(OPERATION_CHANNEL, {
    begin: ({ operation, backend, key }) => {
      if (tracedCall() !== undefined) return undefined;
      return telemetry.begin(telemetry.name(operation, backend, key), !STREAMS.has(operation));
    },
    note: (recording, event) => recording.note(event),
    isStream: ({ operation }) => STREAMS.has(operation),
    isContext: options.backendCalls === true,
  });
  if (options.backendCalls !== true) return () => operations.stop();
  const calls = new SpansOfChannel<BackendEvent>(BACKEND_CHANNEL, {
    begin: ({ call, backend, key }) => {
      const name = telemetry.name(`backend.${call}`, backend, key);
      return telemetry.beginInternal(name, operations.current?.context);
    },
    note: (recording, event) => recording.set(backendCallAttributes(event)),
    isStream: ({ call }) => STREAMS.has(call),
  });
  return () => {
    operations.stop();
    calls.stop();
  };
}
