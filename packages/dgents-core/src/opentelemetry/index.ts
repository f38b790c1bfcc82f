export { type InstrumentOptions, instrument } from './instrument.js';
export type { TelemetryOptions } from './options.js';
export { TracedAgent } from './traced-agent.js';
