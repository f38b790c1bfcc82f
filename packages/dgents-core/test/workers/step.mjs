/**
 * A few operations on one file, for a tracer that kills this process or fails its system calls at each of them.
 *
 * Every file it touches has a name known beforehand, since strace can only select calls by whole paths: random bytes
 * and the clock are fixed. `strace -P` is given what `pathsOf` lists.
 *
 * Settings: path, scenario, acked, writes, clockMs, tries (of each operation that fails). Tells { acked } after each write,
 * { failed } for each failure, { closed } at the end.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { plainError, settings, tell } from './messages.mjs';
import { scenarios } from './scenarios.mjs';

let drawn = 0;
crypto.randomBytes = (size) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt16BE(++drawn, size - 2);
  return bytes;
};
syncBuiltinESMExports();
const { newOperationId, PersistentAgent } = await import('dgents-core');

const { path, acked = 0, writes = 2, tries = 1, clockMs } = settings;
const scenario = scenarios[settings.scenario];
const agent = new PersistentAgent({
  path,
  initial: () => scenario.state(0),
  timeoutMs: 10_000,
  clock: () => clockMs,
  onRepair: (report) => tell({ repair: report }),
  ...scenario.options,
});

async function attempt(operation, job) {
  for (let i = 1; i <= tries; i++) {
    try {
      return await job();
    } catch (error) {
      tell({ failed: { operation, attempt: i, ...plainError(error), operationId: error?.operationId } });
    }
  }
  return undefined;
}

// The first write after start says all about opening, creating and repairing, the second about what is open already.
await attempt('load', () => agent.load());
let version = acked;
for (let write = 0; write < writes; write++) {
  const operationId = newOperationId(); // The same for each attempt: a write in doubt may have happened.
  const done = await attempt('write', () => scenario.write(agent, version, { operationId }));
  if (done === undefined) break;
  version = done;
  tell({ acked: version });
}
await attempt('close', () => agent.close());
tell({ closed: true });
