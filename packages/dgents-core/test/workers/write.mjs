/**
 * Opens a file, checks what is in it, and writes until it is killed (or `until` is reached).
 *
 * Settings: path, scenario, acked, oldest and inFlight (see `verify`), until, options (for the agent),
 * clockAheadMs. Tells { verified }, then { acked } after each write.
 */
import { PersistentAgent } from 'dgents-core';
import { plainError, settings, tell } from './messages.mjs';
import { scenarios } from './scenarios.mjs';
import { besides, verify } from './verify.mjs';

const { path, acked = 0, oldest, inFlight, until = Number.POSITIVE_INFINITY } = settings;
const scenario = scenarios[settings.scenario];
const repairs = [];
const agent = new PersistentAgent({
  path,
  initial: () => scenario.state(0),
  timeoutMs: 20_000,
  onRepair: (report) => repairs.push(report),
  ...scenario.options,
  ...settings.options,
  ...(settings.clockAheadMs && { clock: () => Date.now() + settings.clockAheadMs }),
});

try {
  const found = await verify(agent, scenario, { acked, oldest, inFlight });
  tell({ verified: found });
  let version = found.version;
  while (version < until) {
    version = await scenario.write(agent, version);
    for (const report of repairs.splice(0)) tell({ repair: report });
    tell({ acked: version });
  }
  await agent.close();
  tell({ closed: true, besides: besides(path) });
} catch (error) {
  tell({ failed: plainError(error) });
}
