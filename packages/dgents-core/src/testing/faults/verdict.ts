/** How the kit did on one fault. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Effort } from '../effort.js';
import type { PromiseName } from '../promises.js';
import type { FactReport } from '../run.js';
import { costlyFacts } from './costly-facts.js';
import type { Fault } from './fault.js';

/** Of the facts that a fault has nothing to do with, so many are run on it: each fact meets as many faults. */
const ONE_IN = 8;

/**
 * Runs the kit on it. It has to fail, by the fact that is named, and by facts of this promise alone: what cannot be
 * judged because of the fault is not held against anyone. Of the other promises a part is run, always the same, and all
 * with the effort `long`.
 */
export async function assertCaught(
  fault: Fault,
  { name, seed }: Pick<Effort, 'name' | 'seed'>,
): Promise<void> {
  await assertCaughtWithout(fault, seed, (fact) => {
    if (name === 'long' || fact.name === fault.caughtBy) return false;
    if (costlyFacts.has(fact.name)) return true;
    return fact.promise !== fault.breaks && hashOf(`${fault.name} ${fact.name}`) % ONE_IN !== 0;
  });
}

function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE();
}

/** The same with these facts left out. */
export async function assertCaughtWithout(
  fault: Fault,
  seed: number,
  skip: (fact: { promise: PromiseName; name: string }) => boolean,
): Promise<void> {
  // Chance does not find more here: the faults are always there.
  const { facts } = await fault.run({ effort: 'ci', seed, skip });
  const failed = facts.filter(({ outcome }) => outcome === 'fails');
  const told = `the kit, with seed ${seed}, on ${fault.of}s of which "${fault.name}"`;
  assert.notEqual(failed.length, 0, `${told}: nothing failed`);
  const others = failed.filter(({ promise }) => promise !== fault.breaks);
  assert.deepEqual(others.map(line), [], `${told}: another promise was blamed than ${fault.breaks}`);
  const named = failed.some(({ name }) => name === fault.caughtBy);
  assert.ok(named, `${told}: not caught by "${fault.caughtBy}", but by ${failed.map(line).join('; ')}`);
}

function line({ promise, name, reason }: FactReport): string {
  return `${promise}: ${name} (${reason?.split('\n', 1)[0]})`;
}

/** Faults that name the same fact: one of them proves nothing. */
export function twins(faults: readonly Fault[]): string[] {
  const facts = faults.map(({ of, breaks, caughtBy }) => `${of}, ${breaks}: ${caughtBy}`);
  return facts.filter((fact, i) => facts.indexOf(fact) !== i);
}
