/**
 * What it costs to be observed, beside the same where nobody listens, in one run.
 *
 *     node bench/observing.mjs [--quick]
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, createContextKey } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { BACKEND_CHANNEL, memoryBackend, OPERATION_CHANNEL, Store } from 'dgents-core';
import { instrument, TracedAgent } from 'dgents-core/opentelemetry';
import { each, interleaved, spread } from './measure.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 25;
const calls = quick ? 2_000 : 10_000;

let heard = 0;
const listen = () => {
  heard += 1;
};

/** Runs `work` while somebody listens to the end of what happens on these channels. */
async function heardOn(channels, work) {
  for (const name of channels) subscribe(`tracing:${name}:asyncEnd`, listen);
  const us = await work();
  for (const name of channels) unsubscribe(`tracing:${name}:asyncEnd`, listen);
  return us;
}

async function traced(agent, options, work) {
  const wrapped = new TracedAgent(agent, options);
  const us = await work(wrapped);
  // Closing it would close the agent inside, which is used again.
  wrapped.stopListening();
  return us;
}

async function instrumented(options, work) {
  const end = instrument(options);
  const us = await work();
  end();
  return us;
}

const store = new Store(memoryBackend());
const agent = store.agent('k', { retain: { versions: 100, graceMs: 0 } });
let count = 0;
const save = (of) => of.save({ count: ++count, text: 'some text' });
/** What the one before has left to be collected, or to be compiled anew, is not measured. */
const measured = async (times, work) => {
  await each(times / 2, work);
  return each(times, work);
};
const jobs = {
  load: (of) => measured(calls, () => of.load()),
  save: (of) => measured(calls / 5, () => save(of)),
};
await agent.save({ count, text: 'some text' });

const sdk = { tracerProvider: new BasicTracerProvider(), meterProvider: new MeterProvider() };

async function table(title, contenders) {
  console.log(`\n${title}`);
  for (const [what, { us, ratio }] of Object.entries(await interleaved(rounds, contenders))) {
    console.log(`  ${what.padEnd(28)} ${spread(us).padStart(22)} µs   ×${spread(ratio)}`);
  }
}

for (const [name, job] of Object.entries(jobs)) {
  await table(`${name} of a small state in memory`, {
    'nobody listens': () => job(agent),
    'nobody listens, once more': () => job(agent),
    'one hears operations': () => heardOn([OPERATION_CHANNEL], () => job(agent)),
    'one hears both channels': () => heardOn([OPERATION_CHANNEL, BACKEND_CHANNEL], () => job(agent)),
    'TracedAgent, no SDK': () => traced(agent, {}, job),
    'TracedAgent, SDK': () => traced(agent, sdk, job),
    'instrument(), SDK': () => instrumented(sdk, () => job(agent)),
  });
}

// From here on every promise of the process is slower, in Node 20 and 22: last.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
await context.with(context.active().setValue(createContextKey('request'), 1), async () => {
  for (const [name, job] of Object.entries(jobs)) {
    await table(`${name}, within an active OpenTelemetry context`, {
      'nobody listens': () => job(agent),
      'TracedAgent, SDK': () => traced(agent, sdk, job),
      'instrument(), SDK': () => instrumented(sdk, () => job(agent)),
      'instrument(), backendCalls': () => instrumented({ ...sdk, backendCalls: true }, () => job(agent)),
    });
  }
});
await store.close();
if (heard === 0) throw new RangeError('Nobody heard anything.');
