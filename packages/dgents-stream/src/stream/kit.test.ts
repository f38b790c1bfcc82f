import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { fileBackend, MemoryBackend, memoryBackend, Store } from 'dgents-core';
import { type AgentSubject, describeDataAgent } from 'dgents-core/testing';
import { streamOn } from '../testing/stream-subject.js';

function inMemory(name: string, values: boolean, events: boolean): AgentSubject<MemoryBackend> {
  return {
    name: `StreamAgent, ${name}`,
    claims: { ttl: true },
    create: () => new MemoryBackend({ values }),
    open: (place, settings) => streamOn(new Store(memoryBackend({ sharing: place })), settings, events),
    destroy: (place) => place.close(),
  };
}

describeDataAgent({ describe, test, ...inMemory('its states set, kept as values', true, false) });
describeDataAgent({ describe, test, ...inMemory('all of it events, kept as values', true, true) });
describeDataAgent({ describe, test, ...inMemory('all of it events, kept as text', false, true) });
describeDataAgent<string>({
  describe,
  test,
  name: 'StreamAgent, all of it events, on a file',
  claims: { durability: 'power', sharing: 'host' },
  create: () => mkdtemp(join(tmpdir(), 'dgents-stream-')),
  open: (place, settings) => streamOn(new Store(fileBackend({ path: place })), settings, true),
  destroy: (place) => rm(place, { recursive: true, force: true }),
  importFrom: new URL('../../test/subjects/stream-file.mjs', import.meta.url),
});
