import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { create } from 'mutative';
import { applyPatch as applyRfc6902 } from 'rfc6902';
import { anyChoices, type Choices, edit } from '../../test/edits.js';
import { anyValue, classes, deepFreeze, objectsIn } from '../../test/values.js';
import { Codec, type Json } from '../codec/codec.js';
import { EXOTIC } from '../codec/traits.js';
import { Replay } from './apply.js';
import { type Change, diff } from './diff.js';

const codec = new Codec({ classes });
const RUNS = Number(process.env.DIFF_RUNS ?? 300);
const TEXT_BYTES = (document: unknown) => Buffer.byteLength(JSON.stringify(document));

/** A base as a cell holds it. */
function held(value: unknown) {
  const { value: own, traits } = codec.copy(value);
  return { value: deepFreeze(own), traits, bytes: TEXT_BYTES(codec.encode(own)) };
}

/** Everything that holds for any change, however it came about. */
function check(base: ReturnType<typeof held>, next: unknown, owned?: number): Change {
  const before = JSON.stringify(codec.encode(base.value));
  const options = owned === undefined ? {} : { owned };
  const change = diff(codec, base, next, options);
  const wanted = codec.copy(next);
  const document = codec.encode(wanted.value);
  const text = JSON.stringify(document);

  expect(JSON.stringify(codec.encode(change.next))).toBe(text);
  expect(codec.equal(change.next, wanted.value)).toBe(true);
  expect(change.traits & wanted.traits).toBe(wanted.traits);
  expect(change.bytes).toBe(Buffer.byteLength(text));
  expect(JSON.stringify(codec.encode(base.value))).toBe(before);
  checkPatch(change, JSON.parse(before), text);
  return change;
}

function checkPatch(change: Change, document: Json, wanted: string): void {
  const ops = change.ops!;
  expect(ops).not.toBeNull();
  expect(change.patchBytes).toBe(TEXT_BYTES(ops));
  const patch = JSON.parse(JSON.stringify(ops));

  expect(JSON.stringify(new Replay().apply(deepFreeze(document), deepFreeze(ops)))).toBe(wanted);
  expect(
    JSON.stringify(jsonPatch.applyPatch({ root: document }, prefixed(patch), true, false).newDocument.root),
  ).toBe(wanted);
  // rfc6902 steps over a member called `constructor` as if it were not there.
  if (ops.some((op) => /\/constructor(\/|$)/.test(op.path))) return;
  const others = { root: JSON.parse(JSON.stringify(document)) };
  expect(applyRfc6902(others, prefixed(patch)).filter((error) => error !== null)).toEqual([]);
  expect(JSON.stringify(others.root)).toBe(wanted);
}

/** Below a member, since not every library replaces the root. */
function prefixed(patch: any[]): any[] {
  return patch.map((op) => ({
    ...op,
    path: `/root${op.path}`,
    ...('from' in op ? { from: `/root${op.from}` } : {}),
  }));
}

const fresh = (value: unknown) => codec.copy(value).value;

function edited(value: unknown, choices: () => Choices, times: number) {
  const copy = codec.clone(value);
  const source = choices();
  if (typeof copy === 'object' && copy !== null) for (let i = 0; i < times; i += 1) edit(copy, source, fresh);
  return copy;
}

const exotic = { exotic: true };
const plain = { exotic: false };

describe('of private copies', () => {
  test('any two values', () => {
    fc.assert(
      fc.property(anyValue(exotic), anyValue(exotic), (from, to) => {
        const { value, traits } = codec.copy(to);
        check(held(from), deepFreeze(value), traits);
      }),
      { numRuns: RUNS },
    );
  });

  test('a value and what a few edits made of it', () => {
    fc.assert(
      fc.property(
        anyValue(exotic),
        anyChoices(exotic),
        fc.integer({ min: 0, max: 4 }),
        (from, choices, times) => {
          const base = held(from);
          const { value, traits } = codec.copy(edited(base.value, choices, times));
          const change = check(base, deepFreeze(value), traits);
          if (times === 0) expect(change.next).toBe(base.value);
        },
      ),
      { numRuns: RUNS * 3 },
    );
  });

  test('the same copy can be compared again with another base', () => {
    fc.assert(
      fc.property(anyValue(exotic), anyChoices(exotic), anyChoices(exotic), (from, one, two) => {
        const first = held(from);
        const second = held(edited(from, one, 2));
        const { value, traits } = codec.copy(edited(from, two, 2));
        deepFreeze(value);
        const earlier = check(first, value, traits);
        const text = JSON.stringify(codec.encode(earlier.next));
        check(second, value, traits);
        expect(JSON.stringify(codec.encode(earlier.next))).toBe(text);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('of what shares with the base what it did not change', () => {
  test('any two values, with nothing of the caller kept', () => {
    fc.assert(
      fc.property(anyValue(exotic), anyValue(exotic), (from, to) => {
        const change = check(held(from), deepFreeze(to));
        const theirs = objectsIn(to);
        for (const object of objectsIn(change.next)) expect(theirs.has(object)).toBe(false);
      }),
      { numRuns: RUNS },
    );
  });

  test('a value and what a recipe made of a draft', () => {
    fc.assert(
      fc.property(
        anyValue(plain),
        anyChoices(exotic),
        fc.integer({ min: 0, max: 4 }),
        (from, choices, times) => {
          const base = held(from);
          if (typeof base.value !== 'object' || base.value === null || (base.traits & EXOTIC) !== 0) return;
          const next = create(base.value, (draft: object) => {
            const source = choices();
            for (let i = 0; i < times; i += 1) edit(draft, source, fresh);
          });
          const known = objectsIn(base.value);
          const change = check(base, next);
          const theirs = [...objectsIn(next)].filter((object) => !known.has(object));
          const ours = objectsIn(change.next);
          for (const object of theirs) expect(ours.has(object)).toBe(false);
        },
      ),
      { numRuns: RUNS * 3 },
    );
  });
});

describe('of lists of any two orders', () => {
  const numbers = fc.array(fc.nat(40), { maxLength: 70 });
  const message = (id: number, edition = 0) => ({
    id,
    role: id % 2 === 0 ? 'user' : 'tool',
    content: 'x'.repeat(id),
    edition,
  });
  const forms: Record<string, (ids: number[], edition: number) => unknown> = {
    numbers: (ids) => ids,
    objects: (ids, edition) => ids.map((id, at) => message(id, at % 5 === 4 ? edition : 0)),
    'a Map': (ids, edition) => new Map(ids.map((id) => [`k${id}`, message(id, id % 5 === 4 ? edition : 0)])),
    'a Map with objects as keys': (ids, edition) =>
      new Map(ids.map((id) => [{ id }, id % 5 === 4 ? edition : 0])),
    'a Set': (ids) => new Set(ids),
    'a Set of objects': (ids) => new Set(ids.map((id) => message(id))),
    'the keys of an object': (ids) => Object.fromEntries(ids.map((id) => [`k${id}`, id])),
  };
  test.each(Object.entries(forms))('%s', (_, form) => {
    fc.assert(
      fc.property(numbers, numbers, fc.boolean(), (from, to, related) => {
        const base = held({ list: form(from, 0) });
        const ids = related ? [...from.filter((id) => !to.includes(id)), ...to.slice(0, 9)] : to;
        const next = { list: form(ids, 1) };
        check(base, next);
        const { value, traits } = codec.copy(next);
        check(base, deepFreeze(value), traits);
      }),
      { numRuns: RUNS },
    );
  });
});
