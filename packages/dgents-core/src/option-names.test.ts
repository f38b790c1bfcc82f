import { CachedAgent } from './cached/index.js';
import { EntropyConstrainedAgent } from './entropy/index.js';
import { defineState, memoryBackend, openStore, PersistentAgent, Store, VolatileAgent } from './index.js';
import { focusOn, LensAgent, whole } from './lens/index.js';
import { instrument, TracedAgent } from './opentelemetry/index.js';
import { checkOptions } from './option-names.js';
import { Symbiont } from './symbiont/index.js';

interface Note {
  text: string;
}

const known = { maxAgeMs: true, pollMs: true, timeoutMs: true, codec: true } as const;

test.each([
  ['maxAgems', 'maxAgeMs'],
  ['maxAge', 'maxAgeMs'],
  ['timeout', 'timeoutMs'],
  ['polMs', 'pollMs'],
  ['CODEC', 'codec'],
])('%s was meant to be %s', (given, meant) => {
  const message = `A cache has no option "${given}". Did you mean ${meant}? There are maxAgeMs, pollMs, timeoutMs, codec.`;
  expect(() => checkOptions('A cache', { codec: 1, [given]: 1 }, known)).toThrow(new TypeError(message));
});

test.each(['size', 'serializer', '__proto__', 'toString'])('%s is not taken for another word', (given) => {
  const options = Object.fromEntries([[given, undefined]]);
  expect(() => checkOptions('A cache', options, known)).toThrow(
    `A cache has no option "${given}". There are maxAgeMs, pollMs, timeoutMs, codec.`,
  );
});

test('what is known is taken, also where it is undefined or inherited', () => {
  const options = Object.create({ other: 1 }, { codec: { value: undefined, enumerable: true } }) as object;
  expect(() => checkOptions('A cache', options, known)).not.toThrow();
});

describe('a misspelt option is refused by', () => {
  const agent = new VolatileAgent<Note>();
  const store = new Store(memoryBackend());
  const budget = new EntropyConstrainedAgent(new VolatileAgent<Note>());
  const logic = (_: string, state: Note): [string, Note] => ['', state];
  const wrong = <O extends object>(name: string): O => ({ [name]: undefined }) as O;

  test.each<[string, string, () => unknown]>([
    ['CachedAgent', 'maxAgeMs', () => new CachedAgent(agent, wrong('maxAgems'))],
    ['EntropyConstrainedAgent', 'maxBytes', () => new EntropyConstrainedAgent(agent, wrong('maxByte'))],
    ['child()', 'agent', () => budget.child(wrong('agnet'))],
    ['LensAgent', 'codec', () => new LensAgent(agent, whole<Note>(), wrong('codex'))],
    ['LensAgent', 'codec', () => focusOn(agent, ['text'], wrong('codex'))],
    ['Symbiont', 'attempts', () => new Symbiont(agent, logic, wrong('attempt'))],
    ['TracedAgent', 'recordKeys', () => new TracedAgent(agent, wrong('recordKey'))],
    ['instrument', 'backendCalls', () => instrument(wrong('backendcalls'))],
    ['Store', 'onWarning', () => new Store(memoryBackend(), wrong('onWarn'))],
    ['An agent', 'initial', () => store.agent('note', wrong('inital'))],
    ['An agent', 'schemaVersion', () => store.agent('note', wrong('schemaVersions'))],
    ['VolatileAgent', 'retain', () => new VolatileAgent(wrong('retian'))],
    [
      'PersistentAgent',
      'durability',
      () => new PersistentAgent({ path: 'never.jsonl', ...wrong('durabilty') }),
    ],
  ])('%s: %s', (of, meant, make) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`${of} has no option "`);
    expect(make).toThrow(`Did you mean ${meant}?`);
  });

  test('openStore, before anything is opened', async () => {
    const opened: string[] = [];
    const backends = {
      test: (url: string) => {
        opened.push(url);
        return memoryBackend();
      },
    };
    const options = { backends, timeoutMS: 5 } as never;
    await expect(openStore('test:', options)).rejects.toThrow('Did you mean timeoutMs?');
    expect(opened).toEqual([]);
    await (await openStore('test:', { backends, timeoutMs: 5 })).close();
    expect(opened).toEqual(['test:']);
  });
});

test('a definition goes to every opener, with its name', async () => {
  const definition = defineState<Note>({ name: 'note', initial: () => ({ text: '' }) });
  const store = new Store(memoryBackend());
  expect(await store.agent('note', definition).load()).toEqual({ text: '' });
  expect(await new VolatileAgent(definition).load()).toEqual({ text: '' });
  expect(() => new PersistentAgent({ path: 'never.jsonl', ...definition })).not.toThrow();
  await store.close();
});

test('an agent class says what it takes beside the options of every agent', () => {
  class Own extends VolatileAgent<Note> {}
  expect(() => new Own({ retian: 5 } as never)).toThrow('Own has no option "retian". Did you mean retain?');
});
