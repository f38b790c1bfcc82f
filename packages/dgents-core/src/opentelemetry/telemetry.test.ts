/** With the real SDK, in memory. */
import { channel } from 'node:diagnostics_channel';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type HistogramMetricData,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { HookedBackend } from '../../test/hooked-backend.js';
import { CachedAgent } from '../cached/index.js';
import type { DataAgent } from '../data-agent.js';
import { focusOn } from '../lens/index.js';
import { MemoryBackend, memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { instrument, type TelemetryOptions, TracedAgent } from './index.js';

const spans = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
let exporter: InMemoryMetricExporter;
let reader: PeriodicExportingMetricReader;
let meterProvider: MeterProvider;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());
beforeEach(() => {
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  meterProvider = new MeterProvider({ readers: [reader] });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((agent) => agent.close()));
  spans.reset();
  await meterProvider.shutdown();
});

const opened: TracedAgent<never>[] = [];
/** A traced agent, closed after the test. */
function tracing<S>(inner: DataAgent<S>, options?: TelemetryOptions): TracedAgent<S> {
  const agent = new TracedAgent<S>(inner, options);
  opened.push(agent as unknown as TracedAgent<never>);
  return agent;
}

const finished = (): ReadableSpan[] => spans.getFinishedSpans();
const span = (name: string): ReadableSpan => {
  const found = finished().find((one) => one.name === name);
  if (found === undefined)
    throw new RangeError(`no span "${name}" among ${finished().map((one) => one.name)}`);
  return found;
};
const parentOf = (one: ReadableSpan): string | undefined => one.parentSpanContext?.spanId;
const idOf = (one: ReadableSpan): string => one.spanContext().spanId;

async function metric(name: string): Promise<MetricData | undefined> {
  await reader.forceFlush();
  const all = exporter
    .getMetrics()
    .at(-1)
    ?.scopeMetrics.flatMap(({ metrics }) => metrics);
  return all?.find(({ descriptor }) => descriptor.name === name);
}

/** Runs under a span of the caller's. */
async function under<T>(name: string, work: (parent: Span) => Promise<T>): Promise<T> {
  return tracerProvider.getTracer('test').startActiveSpan(name, async (parent) => {
    try {
      return await work(parent);
    } finally {
      parent.end();
    }
  });
}

describe('a traced agent', () => {
  test('makes a span of each call, named after the conventions of databases', async () => {
    await using store = new Store(memoryBackend());
    const agent = tracing(store.agent<{ text: string }>('user:alice'), {
      tracerProvider,
      meterProvider,
      collection: 'profile',
      namespace: 'test',
    });
    await agent.save({ text: 'a secret' });
    await agent.load();
    await agent.history();
    await agent.delete();
    expect(finished().map(({ name }) => name)).toEqual([
      'save profile',
      'load profile',
      'history profile',
      'delete profile',
    ]);
    expect(span('save profile')).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      instrumentationScope: { name: 'dgents' },
      attributes: {
        'db.system.name': 'dgents',
        'db.operation.name': 'save',
        'db.collection.name': 'profile',
        'db.namespace': 'test',
        'dgents.backend': 'memory',
        'dgents.version': 1,
        'dgents.record.size': '{"text":"a secret"}'.length,
        'dgents.attempts': 1,
        'dgents.conflicts': 0,
      },
    });
    await agent.close();
  });

  test('sends neither values nor messages, and keys only where told to', async () => {
    await using store = new Store(memoryBackend());
    const quiet = tracing(store.agent<{ text: string }>('user:alice'), {
      tracerProvider,
      meterProvider,
    });
    await quiet.save({ text: 'a secret' }, { meta: { by: 'a secret' } });
    await expect(
      quiet.update(() => {
        throw new RangeError('a secret');
      }),
    ).rejects.toThrow('a secret');
    await quiet.load();
    const sent = JSON.stringify([
      finished().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
      await metric('db.client.operation.duration'),
    ]);
    expect(sent).not.toContain('secret');
    expect(sent).not.toContain('alice');
    const loud = tracing(store.agent<{ text: string }>('user:alice'), {
      tracerProvider,
      recordKeys: true,
    });
    await loud.load();
    expect(finished().at(-1)?.attributes).toMatchObject({ 'dgents.key': 'user:alice' });
  });

  test('tells a failure by its code', async () => {
    await using store = new Store(memoryBackend());
    const agent = tracing(store.agent<number>('k'), { tracerProvider, meterProvider });
    await expect(agent.load()).rejects.toThrow();
    expect(span('load').attributes['error.type']).toBe('DGENTS_STATE_NOT_FOUND');
    expect(span('load').status).toEqual({ code: SpanStatusCode.ERROR });
    const duration = (await metric('db.client.operation.duration')) as HistogramMetricData;
    expect(duration.dataPoints[0]?.attributes).toMatchObject({ 'error.type': 'DGENTS_STATE_NOT_FOUND' });
  });

  test('measures durations in the buckets of the conventions, and conflicts, resends and sizes', async () => {
    const backend = new MemoryBackend();
    const hooked = new HookedBackend(backend);
    await using store = new Store(hooked);
    const theirs = new Store(backend).agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
    const agent = tracing(store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) }), {
      tracerProvider,
      meterProvider,
    });
    await agent.load();
    await theirs.save({ n: 1 });
    let lost = 0;
    hooked.before = ({ method }) => {
      // The first is refused; the answer to the second is lost.
      lost += method === 'commit' ? 1 : 0;
      if (method === 'commit' && lost === 2) throw new Error('no answer');
    };
    await agent.update((draft) => {
      draft.n += 1;
    });
    expect(span('update').attributes).toMatchObject({
      'dgents.attempts': 2,
      'dgents.conflicts': 1,
      'dgents.resends': 1,
      'dgents.version': 2,
    });
    const duration = (await metric('db.client.operation.duration')) as HistogramMetricData;
    expect(duration.descriptor.unit).toBe('s');
    const [load, update] = duration.dataPoints;
    expect(load?.value.buckets.boundaries).toEqual([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]);
    expect(
      [load, update].map((point) => [point?.attributes['db.operation.name'], point?.value.count]),
    ).toEqual([
      ['load', 1],
      ['update', 1],
    ]);
    expect(update?.value.sum).toBeLessThan(5);
    expect(update?.attributes).not.toHaveProperty('dgents.key');
    expect((await metric('dgents.conflicts'))?.dataPoints[0]?.value).toBe(1);
    expect((await metric('dgents.resends'))?.dataPoints[0]?.value).toBe(1);
    expect(((await metric('dgents.record.size')) as HistogramMetricData).dataPoints[0]?.value.count).toBe(1);
  });

  test('stands between the caller and what the agent inside does', async () => {
    const backend = new HookedBackend(memoryBackend());
    await using store = new Store(backend);
    const agent = tracing(store.agent<number>('k'), { tracerProvider });
    backend.before = ({ method }) => {
      if (method === 'commit') tracerProvider.getTracer('driver').startSpan('INSERT').end();
    };
    await under('request', async () => agent.save(1));
    expect(parentOf(span('save'))).toBe(idOf(span('request')));
    expect(parentOf(span('INSERT'))).toBe(idOf(span('save')));
  });

  test('nests with other wrappers in any order', async () => {
    await using store = new Store(memoryBackend());
    const initial = () => ({ list: [1] });
    const inside = tracing(store.agent('k', { initial }), { tracerProvider, collection: 'inside' });
    const cached = new CachedAgent(inside, { maxAgeMs: 60_000 });
    const outside = tracing(focusOn(cached, ['list']), { tracerProvider, collection: 'outside' });
    await outside.update((list) => {
      list.push(2);
    });
    await outside.load();
    expect(parentOf(span('update inside'))).toBe(idOf(span('update outside')));
    expect(span('update inside').attributes['dgents.version']).toBe(1);
    // The cache has answered.
    expect(finished().filter(({ name }) => name.endsWith('inside'))).toHaveLength(1);
    await outside.close();
    await cached.close();
  });

  test('refuses options that cannot be meant', () => {
    const inner = new Store(memoryBackend()).agent<number>('k');
    const wrong = { tracerProvider: tracerProvider.getTracer('x') } as never;
    expect(() => new TracedAgent(inner, wrong)).toThrow(/getTracer/);
    expect(() => new TracedAgent(inner, { meterProvider: {} } as never)).toThrow(/getMeter/);
    expect(() => new TracedAgent(inner, { collection: 1 } as never)).toThrow(TypeError);
    expect(() => instrument({ namespace: 1 } as never)).toThrow(TypeError);
  });

  test('goes on when the function that names collections throws', async () => {
    await using store = new Store(memoryBackend());
    const collection = (): never => {
      throw new TypeError('no');
    };
    const agent = tracing(store.agent<number>('k'), { tracerProvider, collection });
    expect(await agent.save(1)).toBe(1);
    expect(span('save').attributes).not.toHaveProperty('db.collection.name');
  });
});

describe('the span of a stream', () => {
  const traced = async (store: Store): Promise<TracedAgent<number>> => {
    const agent = tracing(store.agent<number>('k'), { tracerProvider, meterProvider });
    for (const n of [1, 2, 3]) await agent.save(n);
    spans.reset();
    return agent;
  };

  test('ends when it ends, when it is left, and when it fails', async () => {
    await using store = new Store(memoryBackend());
    const agent = await traced(store);
    for await (const _ of agent.timeline()) void _;
    for await (const _ of agent.timeline()) break;
    await expect(agent.timeline({ from: -1 })[Symbol.asyncIterator]().next()).rejects.toThrow(RangeError);
    expect(
      finished().map(({ attributes }) => [attributes['dgents.items'], attributes['error.type']]),
    ).toEqual([
      [3, undefined],
      [1, undefined],
      [0, 'RangeError'],
    ]);
    const duration = (await metric('db.client.operation.duration')) as HistogramMetricData;
    expect(duration.dataPoints.map((point) => point.attributes['db.operation.name'])).toEqual(['save']);
  });

  test('does not begin before it is read, and a watch ends with its signal', async () => {
    await using store = new Store(memoryBackend());
    const agent = await traced(store);
    agent.timeline();
    const ending = new AbortController();
    for await (const _ of agent.watch({ signal: ending.signal })) ending.abort();
    expect(finished().map(({ name }) => name)).toEqual(['watch']);
  });

  test('that is abandoned is let go, and its span ends', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await using store = new Store(memoryBackend());
    const agent = await traced(store);
    const end = instrument({ tracerProvider, collection: 'all' });
    const begin = async (): Promise<WeakRef<object>[]> => {
      const byWrapper = agent.timeline()[Symbol.asyncIterator]();
      await byWrapper.next();
      const byChannel = store.agent('k').timeline()[Symbol.asyncIterator]();
      await byChannel.next();
      return [new WeakRef(byWrapper), new WeakRef(byChannel)];
    };
    const gone = await begin();
    for (let round = 0; round < 100 && finished().length < 2; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(gone.map((ref) => ref.deref())).toEqual([undefined, undefined]);
    expect(
      finished()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['timeline', 'timeline all']);
    expect(finished().every(({ attributes }) => attributes['dgents.abandoned'] === true)).toBe(true);
    end();
  });
});

describe('instrument', () => {
  test('tells of every operation in the process until it is ended', async () => {
    await using store = new Store(memoryBackend());
    const end = instrument({ tracerProvider, meterProvider, collection: (key) => key?.split(':')[0] });
    await under('request', async () => {
      await store.agent('user:1').save(1);
      await store.fork('user:1', 'copy:1');
    });
    end();
    await store.agent('user:1').load();
    expect(finished().map(({ name }) => name)).toEqual(['save user', 'fork copy', 'request']);
    expect(parentOf(span('save user'))).toBe(idOf(span('request')));
    expect(span('save user').attributes).toMatchObject({ 'dgents.version': 1, 'dgents.attempts': 1 });
    const duration = (await metric('db.client.operation.duration')) as HistogramMetricData;
    expect(duration.dataPoints.map(({ value }) => value.count)).toEqual([1, 1]);
  });

  test('shows calls of the backend below the operations that they are made for', async () => {
    const backend = new HookedBackend(memoryBackend());
    await using store = new Store(backend);
    const agent = store.agent<number>('k');
    await agent.save(0);
    const end = instrument({ tracerProvider, backendCalls: true });
    let lost = 0;
    backend.before = ({ method }) => {
      lost += method === 'commit' ? 1 : 0;
      if (method === 'commit' && lost === 1) throw new Error('no answer');
    };
    await agent.save(1);
    end();
    const commits = finished().filter(({ name }) => name === 'backend.commit');
    expect(commits.map(({ attributes }) => attributes['error.type'])).toEqual(['Error', undefined]);
    for (const commit of commits) expect(parentOf(commit)).toBe(idOf(span('save')));
    expect(commits[1]?.attributes).toMatchObject({
      'dgents.records': 1,
      'dgents.version': 2,
      'dgents.bytes': 1,
    });
  });

  test('leaves what a traced agent does to that agent', async () => {
    await using store = new Store(memoryBackend());
    const agent = tracing(store.agent<number>('k'), { tracerProvider, collection: 'traced' });
    const end = instrument({ tracerProvider, backendCalls: true });
    await agent.save(1);
    end();
    expect(finished().map(({ name }) => name)).toEqual(['backend.ready', 'backend.commit', 'save traced']);
    expect(parentOf(span('backend.commit'))).toBe(idOf(span('save traced')));
  });

  test('ends the spans that are open', async () => {
    await using store = new Store(memoryBackend());
    const agent = store.agent<number>('k');
    await agent.save(1);
    const end = instrument({ tracerProvider });
    const watch = agent.watch()[Symbol.asyncIterator]();
    await watch.next();
    expect(finished()).toEqual([]);
    end();
    expect(finished().map(({ name }) => name)).toEqual(['watch']);
    await watch.return?.();
  });
});

test('without a context manager, spans have no parents, and tell as much', async () => {
  context.disable();
  await using store = new Store(memoryBackend());
  const agent = tracing(store.agent<number>('k'), { tracerProvider });
  await under('request', async () => agent.save(1));
  for await (const _ of agent.timeline()) void _;
  expect(parentOf(span('save'))).toBeUndefined();
  expect(span('save').attributes).toMatchObject({ 'dgents.version': 1, 'dgents.attempts': 1 });
  expect(span('timeline').attributes).toMatchObject({ 'dgents.items': 1 });
  await agent.close();
});

test('a closed agent listens no more', async () => {
  const over = channel('tracing:dgents:operation:asyncEnd');
  const store = new Store(memoryBackend());
  const agents = ['a', 'b'].map((key) => tracing<number>(store.agent<number>(key), { tracerProvider }));
  const before = over.hasSubscribers;
  for (const agent of agents) {
    await agent.close();
    await agent.close();
  }
  await store.close();
  expect([before, over.hasSubscribers]).toEqual([true, false]);
});

test('without a provider, nothing is registered and everything works', async () => {
  trace.disable();
  await using store = new Store(memoryBackend());
  const agent = tracing(store.agent<number>('k'));
  await agent.save(1);
  expect(await agent.load()).toBe(1);
  expect(finished()).toEqual([]);
});
