/** `save`, `update` and `delete`. */
import assert from 'node:assert/strict';
import type { DataAgent, DeleteOptions } from '../../../data-agent.js';
import { like, rejects } from '../../support/assertions.js';
import { all } from '../../support/records.js';
import { STATES_THERE, type WrapperBench } from '../bench.js';
import type { Method } from '../recorder.js';
import type { GivenWrapper, WrapperClaims } from '../subject.js';
import type { StateFacts } from '../suite.js';
import { arrived, handsDownSignal, handsDownTimeout } from './options.js';
import { placeOf } from './reads.js';

interface Write {
  readonly name: 'save' | 'update' | 'delete';
  /** What it has to be inside. */
  readonly inside: Method;
  call(bench: WrapperBench, options?: DeleteOptions, agent?: DataAgent<unknown>): Promise<unknown>;
}

export const writes: StateFacts = (fact, { claims }) => {
  if (claims.conflicts === 'deferred') {
    fact('what was written has reached the agent inside when close resolves', async (bench) => {
      const { agent, inner, of, next, write, numberOf } = bench;
      await agent.save(of(4));
      await agent.update(next);
      await agent.close();
      assert.ok(inner.calls.some(({ method }) => method === 'save' || method === 'update'));
      await write(async (other) => assert.equal(numberOf(await other.load()), 5));
    });
    return;
  }

  fact('save and update give the version that they made', async ({ agent, truth, of, next, numberOf }) => {
    assert.equal(await agent.save(of(4)), STATES_THERE + 1);
    const updated = await agent.update(next, { meta: { number: 5 } });
    assert.equal(numberOf(updated.state), 5);
    like(placeOf(updated), placeOf(await truth.read()));
  });

  for (const each of writesOf(claims)) statesOf(each, fact, claims);

  if (claims.delete) {
    fact('delete tells whether there was a live state', async ({ agent, truth }) => {
      assert.equal(await agent.delete(), true);
      assert.equal((await all(truth.timeline())).at(-1)?.deleted, true);
      assert.equal(await agent.delete(), false);
    });
  } else {
    fact('a delete that is not claimed is refused, and does not arrive inside', async ({ agent, inner }) => {
      await rejects(agent.delete(), 'DGENTS_UNSUPPORTED');
      assert.deepEqual(
        inner.calls.filter(({ method }) => method === 'delete'),
        [],
      );
    });
  }
};

function writesOf({ saves, delete: deletes }: WrapperClaims): readonly Write[] {
  const save: Write = {
    name: 'save',
    inside: saves === 'by update' ? 'update' : 'save',
    call: ({ of, agent }, options, by = agent) => by.save(of(4), options),
  };
  const update: Write = {
    name: 'update',
    inside: 'update',
    call: ({ next, agent }, options, by = agent) => by.update(next, options),
  };
  const remove: Write = {
    name: 'delete',
    inside: 'delete',
    call: ({ agent }, options, by = agent) => by.delete(options),
  };
  return deletes === true ? [save, update, remove] : [save, update];
}

function statesOf(
  { name, inside, call }: Write,
  fact: Parameters<StateFacts>[0],
  { ttl }: GivenWrapper['claims'],
): void {
  fact(`${name} is one ${inside} inside, with operation id, meta and time to live`, async (bench) => {
    const options = {
      operationId: `an-operation-${name}`,
      meta: { by: 'the kit' },
      ...(ttl && { ttlMs: 3_600_000 }),
      ...(name === 'delete' && { erase: true }),
    };
    await call(bench, options);
    arrived(bench.oneCall(inside).options, options);
    if (name === 'delete') return;
    const { head, meta } = await bench.truth.read();
    arrived({ operationId: head?.id, meta }, { operationId: options.operationId, meta: options.meta });
  });

  fact(`${name} hands down its deadline and signal`, async (bench) => {
    await handsDownTimeout(bench, (options) => call(bench, options), inside);
    await bench.write((agent) => agent.save(bench.of(6), { expected: 'any' }));
    bench.inner.calls.splice(0);
    await handsDownSignal(bench, (options) => call(bench, { expected: 'any', ...options }), inside);
  });

  fact(`${name} compares with what it is told to expect`, async (bench) => {
    const { truth } = bench;
    const old = await truth.read({ at: 1 });
    for (const expected of [old, old.head!, old.version, 0]) {
      await rejects(call(bench, { expected }), 'DGENTS_STATE_CONFLICT');
    }
    assert.equal((await truth.read()).version, STATES_THERE, 'nothing was written');
    for (const form of ['whole', 'head', 'version', 'any'] as const) {
      const seen = await truth.read();
      const expected = { whole: seen, head: seen.head!, version: seen.version, any: 'any' as const }[form];
      await call(bench, { expected });
      if (name === 'delete') await bench.write((other) => other.save(bench.of(6)));
    }
  });
}
