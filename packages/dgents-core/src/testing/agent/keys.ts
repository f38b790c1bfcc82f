import assert from 'node:assert/strict';
import { DgentsError } from '../../errors.js';
import type { AgentBench } from '../agent-bench.js';
import { found, handOver, write } from '../support/agents.js';
import { agentSuite } from './suite.js';

const NEIGHBOURS = [
  'user',
  'user:',
  'user:4',
  'user:42',
  'user:4:',
  'User',
  'userx',
  'user/4',
  'user_4',
  'user%4',
];

/** Keys that a file system, a query language, a protocol or JavaScript could take for another one, or for something else. */
const HOSTILE = [
  '../x', '..', '.', 'a/b', 'a_b', 'a\\b', '/etc/x', 'C:\\x', 'con', 'a.jsonl', 'a b', ' a', 'a ', 'a', 'a\0', 'a\0b', 'a\0c', 'a\nb',
  '%', '_', '%2F', 'a%', 'a%00', '*', '?', 'a*', '"', "'", "'; DROP TABLE x; --", '{a}', '{b}', ':', '#', '~', '-rf',
  'é', 'e\u0301', '😀', 'K', 'k', '\u212a', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', '0',
  'x'.repeat(300), `${'x'.repeat(299)}y`, 'é'.repeat(100),
]; // biome-ignore format: a list

/** Texts of JavaScript that UTF-8 has no bytes for: whoever maps keys through it makes one of them all. */
const HALVES = [
  '\ud800',
  '\ud801',
  '\udc00',
  '\ufffd',
  'a\ud800',
  'a\ud801',
  '\ud800a',
  '\ud83d',
  '\u{1f600}',
];

export const keys = agentSuite('keys', ['values'], (fact, { claims }) => {
  fact('neighbours are states of their own', async (bench) => {
    await eachItsOwn(bench, NEIGHBOURS);
  });

  fact(
    'hostile keys are states of their own',
    async (bench) => {
      await eachItsOwn(bench, HOSTILE);
      assert.equal(Reflect.get({}, 'number'), undefined);
    },
    60_000,
  );

  fact('keys that hold half a surrogate pair are states of their own', async (bench) => {
    await eachItsOwn(bench, HALVES);
  });

  fact('a key that is not taken is refused with InvalidKeyError, and never cut or changed', async (bench) => {
    const long = 'k'.repeat(2000);
    const odd = ['', '$mine', long, `${long}2`];
    const taken: string[] = [];
    for (const key of odd) if (await isTaken(bench, key)) taken.push(key);
    await eachItsOwn(bench, taken);
  });

  fact('a new key starts at the beginning, whatever others hold', async (bench) => {
    await write(bench, [1, 2, 3], { key: 'a' });
    const [a, b] = [
      await bench.open({ key: 'a' }),
      await bench.open({ key: 'b', initial: () => bench.of(0) }),
    ];
    await b.update(bench.next);
    await handOver(bench, b);
    assert.equal(await found(bench, { key: 'b' }), 1);
    assert.equal(bench.numberOf(await a.load()), 3);
  });

  if (claims.delete) {
    fact('deleting a key leaves its neighbours alone', async (bench) => {
      for (const [i, key] of NEIGHBOURS.entries()) await write(bench, [i + 1], { key });
      const agent = await bench.open({ key: 'user' });
      await agent.delete();
      await handOver(bench, agent);
      const erasing = await bench.open({ key: 'user:4' });
      await erasing.delete({ erase: true });
      await handOver(bench, erasing);
      for (const [i, key] of NEIGHBOURS.entries()) {
        if (key !== 'user' && key !== 'user:4') await holds(bench, key, i + 1);
      }
    });
  }
});

/** Writes them all, and then once more the other way round; each has to hold what was written last under it. */
async function eachItsOwn(bench: AgentBench, names: readonly string[]): Promise<void> {
  for (const [i, key] of names.entries()) await write(bench, [i + 1], { key });
  for (const [i, key] of names.entries()) await holds(bench, key, i + 1);
  for (const [i, key] of [...names.entries()].reverse()) {
    const agent = await bench.open({ key });
    await agent.load();
    await agent.save(bench.of(100 + i));
    await handOver(bench, agent);
  }
  for (const [i, key] of names.entries()) await holds(bench, key, 100 + i);
}

async function holds(bench: AgentBench, key: string, number: number): Promise<void> {
  const agent = await bench.open({ key });
  assert.equal(bench.numberOf(await agent.load()), number, `the state of ${JSON.stringify(key)}`);
}

async function isTaken(bench: AgentBench, key: string): Promise<boolean> {
  try {
    const agent = await bench.open({ key, initial: () => bench.of(0) });
    await agent.load();
    return true;
  } catch (error) {
    if (!DgentsError.is(error, 'DGENTS_INVALID_KEY')) throw error;
    return false;
  }
}
