/** Whatever graph of instances is saved, the very same is loaded, now and as of every version. */
import { deepStrictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type DataAgent, memoryBackend, PersistentAgent, Store } from '../index.js';
import { anything, Field, json, mapOf, oneOf, recordOf, State, setOf, stateOf } from './index.js';

@State({ name: 'part' })
class Part {
  @Field(() => String, { name: '$n' }) name = '';
  @Field(() => oneOf(Number, String, null)) size: number | string | null = null;
  @Field(() => BigInt, { optional: true }) serial?: bigint;
}

@State({ name: 'dated', version: 3 })
class Dated extends Part {
  @Field(() => Date) on = new Date(0);
  @Field(() => Uint8Array, { name: 'size2' }) seal = new Uint8Array();
}

@State({ name: 'listed' })
class Listed extends Part {
  @Field(() => [[Part]]) rows: Part[][] = [];
  @Field(() => anything) extra: unknown = null;
}

@State({ name: 'node' })
class Node {
  @Field(() => [Node]) children: Node[] = [];
  @Field(() => mapOf(oneOf(String, Part), Part)) parts = new Map<string | Part, Part>();
  @Field(() => setOf(oneOf(String, Number, Part)), { name: 's' }) marks = new Set<string | number | Part>();
  @Field(() => recordOf(oneOf(Part, Boolean))) flags: Record<string, Part | boolean> = {};
  @Field(() => json) raw: unknown = null;
  @Field(() => oneOf(Node, null), { optional: true }) next?: Node | null;
}

const state = stateOf(Node, { classes: [Dated, Listed] });

/** An instance with these fields, without optional ones that are undefined: they do not come back as such. */
function made<T extends object>(type: new () => T, optional: keyof T) {
  return (fields: Partial<T>): T => {
    const instance = Object.assign(new type(), fields);
    if (instance[optional] === undefined) delete instance[optional];
    return instance;
  };
}

const fields = {
  name: fc.string(),
  size: fc.oneof(fc.double(), fc.string(), fc.constant(null)),
  serial: fc.option(fc.bigInt(), { nil: undefined }) as fc.Arbitrary<bigint>,
};
const seal = fc.uint8Array({ maxLength: 4 }) as fc.Arbitrary<Uint8Array<ArrayBuffer>>;
const extra = fc.anything({ withDate: true, withMap: true, withSet: true, withBigInt: true, maxDepth: 1 });
const key = fc.oneof(fc.string(), fc.constantFrom('$a', '__proto__', 'constructor', 'toString', 'a\0b'));

const simple = fc.oneof(
  fc.record(fields).map(made(Part, 'serial')),
  fc.record({ ...fields, on: fc.date(), seal }).map(made(Dated, 'serial')),
);
const rows = fc.array(fc.array(simple, { maxLength: 2 }), { maxLength: 2 });
const part: fc.Arbitrary<Part> = fc.oneof(
  simple,
  fc.record({ ...fields, rows, extra }).map(made(Listed, 'serial')),
);

function nodeOf(depth: number): fc.Arbitrary<Node> {
  const inner = depth > 0 ? nodeOf(depth - 1) : undefined;
  return fc
    .record({
      children: inner === undefined ? fc.constant([]) : fc.array(inner, { maxLength: 2 }),
      parts: fc.array(fc.tuple(fc.oneof(key, part), part), { maxLength: 2 }).map((list) => new Map(list)),
      marks: fc.array(fc.oneof(key, fc.integer(), part), { maxLength: 2 }).map((list) => new Set(list)),
      flags: fc.dictionary(key, fc.oneof(fc.boolean(), part), { maxKeys: 2, noNullPrototype: true }),
      raw: fc.jsonValue({ maxDepth: 1 }),
      next:
        inner === undefined
          ? fc.constant(null)
          : (fc.option(inner, { nil: undefined }) as fc.Arbitrary<Node>),
    })
    .map((fields) => made(Node, 'next')(fields as Partial<Node>));
}

async function keeps(open: () => DataAgent<Node>, states: readonly Node[]): Promise<void> {
  const agent = open();
  for (const [index, next] of states.entries()) {
    if (index % 2 === 0) await agent.save(next);
    else await agent.update((draft) => void Object.assign(draft, next));
  }
  // An update assigns: what the state before had and this one has not stays.
  const expected = states.map((next, index) =>
    index % 2 === 0 ? next : Object.assign(new Node(), states[index - 1], next),
  );
  for (const each of expected) if (each.next === undefined) delete each.next;
  const other = open();
  for (const reader of [agent, other]) {
    deepStrictEqual(await reader.load(), expected.at(-1));
    deepStrictEqual(await reader.history(), expected.slice(0, -1).reverse());
    for (const [index, each] of expected.entries())
      deepStrictEqual(await reader.load({ at: index + 1 }), each);
  }
  await agent.close();
  await other.close();
}

const states = fc.array(nodeOf(1), { minLength: 1, maxLength: 3 });

test.each([true, false])('in memory, as values: %s', async (values) => {
  await fc.assert(
    fc.asyncProperty(states, async (list) => {
      const store = new Store(memoryBackend({ values }));
      await keeps(() => store.agent('k', state), list);
      await store.close();
    }),
    { numRuns: 25, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true, endOnFailure: true },
  );
});

test('in a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dgents-graphs-'));
  let count = 0;
  await fc.assert(
    fc.asyncProperty(states, async (list) => {
      count += 1;
      const path = join(folder, `${count}.jsonl`);
      await keeps(() => new PersistentAgent({ path, ...state, durability: 'process' }), list);
    }),
    { numRuns: 10, endOnFailure: true },
  );
  rmSync(folder, { recursive: true });
});
