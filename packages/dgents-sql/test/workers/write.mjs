/**
 * What `write.mjs` of the core does with a file, on an SQLite database: checks what is there, then writes until it is
 * killed (or `until` is reached).
 *
 * Settings: path, durability, scenario, acked, oldest and inFlight (see `verify`), until. Tells { verified }, then
 * { acked } after each write.
 */
import { Store } from 'dgents-core';
import { SqliteBackend } from 'dgents-sql';
import { plainError, settings, tell } from '../../../dgents-core/test/workers/messages.mjs';
import { scenarios } from '../../../dgents-core/test/workers/scenarios.mjs';
import { verify } from '../../../dgents-core/test/workers/verify.mjs';

const { path, durability, acked = 0, oldest, inFlight, until = Number.POSITIVE_INFINITY } = settings;
const scenario = scenarios[settings.scenario];
const backend = new SqliteBackend({ path, durability });
const store = new Store(backend, { timeoutMs: 20_000 });
const agent = store.agent('state', { initial: () => scenario.state(0), ...scenario.options });

try {
  const found = await verify(agent, scenario, { acked, oldest, inFlight });
  await backend.verify();
  tell({ verified: found });
  let version = found.version;
  while (version < until) {
    version = await scenario.write(agent, version);
    tell({ acked: version });
  }
  await store.close();
  tell({ closed: true });
} catch (error) {
  tell({ failed: plainError(error) });
}
