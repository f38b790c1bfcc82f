import assert from 'node:assert/strict';
import type { Backend, BackendCapabilities } from '../../backend.js';
import { claimsOf } from '../claims.js';
import { like } from '../support/assertions.js';
import { appendOf, commitOne, freshKey, record } from '../support/records.js';
import { backendSuite } from './suite.js';

/** The values that a capability may have. */
const ALLOWED: { readonly [Name in keyof BackendCapabilities]?: readonly unknown[] } = {
  durability: ['none', 'process', 'power', 'unknown'],
  sharing: ['process', 'host', 'network'],
  atomicity: ['key', 'store'],
  feed: ['global', 'partitioned', false],
  watch: [true, false],
  ttl: [true, false],
  orderedKeys: [true, false],
  values: [true, false],
  materializes: [true, false],
  joins: [true, false, undefined],
};

const LIMITS = ['keyBytes', 'recordBytes', 'recordsPerAppend', 'appendsPerCommit'] as const;

/** The least that every backend takes, as `BackendLimits` has it. */
const LEAST = { keyBytes: 255, recordBytes: 2 ** 20, recordsPerAppend: 100, appendsPerCommit: 100 };
const LEAST_IDS = 100;

// This suite looks at what is said. Whether it is true is the matter of each capability's own suite.
export const capabilities = backendSuite('capabilities', [], (fact, { claims }) => {
  const { find, ...claimed } = claims;
  const names = claimsOf(claims);

  // The name tells every reader of a test log what was tested and what was not.
  const title = `claims ${names.claimed.join(', ') || 'nothing'}; does not claim ${names.notClaimed.join(', ') || 'nothing'}`;
  fact(title, async ({ backend }) => {
    const { joins = false, ...found } = await backend.ready();
    like({ ...found, joins }, claimed);
  });

  fact('the methods find, feed and watch are there exactly where they are claimed', async ({ backend }) => {
    await backend.ready();
    const there = (method: unknown) => typeof method === 'function';
    assert.deepEqual(
      { find: there(backend.find), feed: there(backend.feed), watch: there(backend.watch) },
      { find, feed: claimed.feed !== false, watch: claimed.watch },
    );
  });

  fact('every capability has a value that means something', async ({ backend }) => {
    const found = await backend.ready();
    for (const [name, allowed] of Object.entries(ALLOWED)) {
      const value = Reflect.get(found, name);
      assert.ok(allowed.includes(value), `${name} is ${String(value)}`);
    }
    assert.equal(typeof backend.name, 'string');
    assert.notEqual(backend.name, '', 'a backend has a name');
  });

  fact(
    'what is promised before `ready` is what `ready` finds, or unknown until then',
    async ({ backend }) => {
      const before: Record<string, unknown> = { ...backend.capabilities };
      const found = await backend.ready();
      for (const name of Object.keys(ALLOWED)) {
        if (before[name] !== 'unknown') assert.equal(before[name], Reflect.get(found, name), name);
      }
    },
  );

  fact('limits are counts of at least one, and known operation ids a count', async ({ backend }) => {
    const { limits, idempotencyRecords } = await backend.ready();
    for (const name of LIMITS) assert.ok(isCount(limits?.[name], 1), `${name} is ${String(limits?.[name])}`);
    assert.ok(isCount(idempotencyRecords, 0), `idempotencyRecords is ${String(idempotencyRecords)}`);
  });

  fact('limits are no lower than every agent may rely on', async ({ backend }) => {
    const { limits, idempotencyRecords } = await backend.ready();
    const told = { ...limits, idempotencyRecords };
    for (const [name, least] of Object.entries({ ...LEAST, idempotencyRecords: LEAST_IDS })) {
      const limit = Reflect.get(told, name) as number;
      assert.ok(!(limit < least), `${name} is ${limit}, and is at least ${least} for every backend`);
    }
  });

  fact('`ready` may be called again and again, and gives the same', async ({ backend }) => {
    const first = await backend.ready();
    for (let i = 0; i < 3; i++) like(await backend.ready(), { ...first });
    like(await backend.ready({ timeoutMs: 10_000, signal: new AbortController().signal }), { ...first });
  });

  fact(
    'many may set up an empty place at once, through several handles, and all can use it',
    async (bench) => {
      const handles = [bench.backend, ...(await Promise.all([1, 2, 3].map(() => bench.open())))];
      const answers = await Promise.all(
        handles.flatMap((each) => [each.ready(), each.ready(), each.ready()]),
      );
      for (const answer of answers) like(answer, { ...answers[0]! });
      for (const handle of handles) await assertUsable(handle);
    },
  );

  fact('nothing has to be called before the first commit', async ({ backend, open }) => {
    await Promise.all([assertUsable(backend), assertUsable(await open())]);
  });
});

/** Takes a commit, whatever it then does with it. */
async function assertUsable(backend: Backend): Promise<void> {
  like(await commitOne(backend, appendOf(freshKey(), null, record(1))), { ok: true });
}

function isCount(value: unknown, least: number): boolean {
  return value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) >= least);
}
