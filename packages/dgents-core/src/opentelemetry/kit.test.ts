/** The whole kit around traced agents, with the real SDK, and with everything that can be told being told. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { PersistentAgent } from '../file/persistent-agent.js';
import { describeDataAgent, describeWrapper } from '../testing/index.js';
import { instrument, TracedAgent } from './index.js';

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const seen = new Set<string>();
let end: () => void;
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  end = instrument({ tracerProvider, backendCalls: true });
});
afterEach(() => {
  for (const { name } of exporter.getFinishedSpans()) seen.add(name);
  exporter.reset();
});
afterAll(() => {
  end();
  context.disable();
  for (const name of ['save traced', 'load', 'backend.commit']) expect(seen).toContain(name);
});

describeWrapper({
  describe,
  test,
  name: 'a traced agent',
  wrap: (inner) => new TracedAgent(inner, { tracerProvider, collection: 'traced', recordKeys: true }),
});

describeDataAgent({
  describe,
  test,
  name: 'a traced agent around a file',
  importFrom: new URL('../../test/subjects/traced-file.mjs', import.meta.url),
  claims: { durability: 'power', sharing: 'host' },
  create: () => mkdtempSync(join(tmpdir(), 'dgents-traced-')),
  open: (place, { key, ...options }) => {
    const name = createHash('sha256').update(key, 'utf16le').digest('hex');
    const inner = new PersistentAgent<unknown>({ ...options, path: join(place, `${name}.jsonl`) });
    return new TracedAgent(inner, { tracerProvider, collection: 'traced' });
  },
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
});
