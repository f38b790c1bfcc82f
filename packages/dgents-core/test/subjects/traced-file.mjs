/** A traced agent around a file, with an SDK that keeps nothing. */
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { PersistentAgent } from 'dgents-core';
import { TracedAgent } from 'dgents-core/opentelemetry';
import { pathOf } from './persistent.mjs';

export { claims, create, destroy, kind } from './persistent.mjs';

export const name = 'TracedAgent around PersistentAgent';
export const importFrom = import.meta.url;

const tracerProvider = new BasicTracerProvider();

export function open(place, { key, ...options }) {
  return new TracedAgent(new PersistentAgent({ path: pathOf(place, key), ...options }), { tracerProvider });
}
