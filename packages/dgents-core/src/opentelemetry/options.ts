import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { OptionNames } from '../option-names.js';

export interface TelemetryOptions {
  /** Makes the spans. The one that is registered with `@opentelemetry/api` unless told. */
  readonly tracerProvider?: TracerProvider;
  /** Makes the metrics. The one that is registered with `@opentelemetry/api` unless told. */
  readonly meterProvider?: MeterProvider;
  /**
   * What kind of state it is, as `db.collection.name` and in the names of spans: `conversation`, `user`. A function is
   * given the key; let it return few different names, since metrics are kept for each.
   */
  readonly collection?: string | ((key: string | undefined) => string | undefined);
  /** Which store it is, as `db.namespace`: the name of the database, or of the environment. */
  readonly namespace?: string;
  /** Put keys on spans, as `dgents.key`. Off unless told: keys may name people. They are never on metrics. */
  readonly recordKeys?: boolean;
}

export const TELEMETRY_OPTIONS: OptionNames<TelemetryOptions> = {
  tracerProvider: true,
  meterProvider: true,
  collection: true,
  namespace: true,
  recordKeys: true,
};

/** @throws TypeError when an option cannot be meant */
export function checkTelemetry(options: TelemetryOptions): void {
  const { tracerProvider, meterProvider, collection, namespace } = options;
  if (tracerProvider !== undefined && typeof tracerProvider.getTracer !== 'function')
    throw new TypeError('`tracerProvider` has a method getTracer: give the provider, not a tracer.');
  if (meterProvider !== undefined && typeof meterProvider.getMeter !== 'function')
    throw new TypeError('`meterProvider` has a method getMeter: give the provider, not a meter.');
  if (collection !== undefined && typeof collection !== 'string' && typeof collection !== 'function')
    throw new TypeError('`collection` is a name, or a function from a key to one.');
  if (namespace !== undefined && typeof namespace !== 'string')
    throw new TypeError('`namespace` is the name of a store.');
}
