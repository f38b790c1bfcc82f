/** The same work without any interruption, in memory: what the interrupted run is compared with. */
import { setImmediate } from 'node:timers/promises';
import { VolatileAgent } from 'dgents-core';
import type { Address } from './agent/addresses.js';
import { type Reader, readAddress, reader } from './agent/reader.js';

export interface Reference {
  /** With every version in it, as the durable one has. */
  readonly agent: VolatileAgent<Reader>;
  /** The size of the whole state at each version, as JSON: what a copy of each would cost. */
  readonly versionBytes: readonly number[];
}

/** Same definition, same recipe, another kind of agent. */
export async function readWithoutInterruption(
  addresses: readonly Address[],
  signal: AbortSignal,
): Promise<Reference> {
  const agent = new VolatileAgent<Reader>({ ...reader, retain: 'all' });
  const size = sizes();
  const versionBytes: number[] = [];
  let seen = 0;
  for (const address of addresses) {
    const { version, state } = await readAddress(agent, address, seen);
    seen = version;
    versionBytes.push(size(state));
    // Nothing above waits for anything outside of this process: let it hear of its child now and then.
    await setImmediate();
    signal.throwIfAborted();
  }
  return { agent, versionBytes };
}

/** Measures states that follow each other. The log only grows, so only what is new in it is measured each time. */
function sizes(): (state: Reader) => number {
  const json = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
  let measured = 0;
  let logBytes = 0;
  return ({ presidents, words, log }) => {
    for (; measured < log.length; measured += 1) logBytes += json(log[measured]) + 1;
    return json({ presidents, words: [...words], log: [] }) + logBytes;
  };
}
