/** Loads and saves what it loaded plus its own name, until it has won `wins` times. Tells { won, lost, errors }. */
import { PersistentAgent, StateConflictError } from 'dgents-core';
import { plainError, settings, tell, told } from './messages.mjs';

const { path, name, wins } = settings;
const agent = new PersistentAgent({ path, initial: () => ({ winners: [] }), timeoutMs: 60_000 });
const won = [];
const errors = [];
let lost = 0;

tell({ ready: true });
await told();
while (won.length < wins && errors.length === 0) {
  const { winners } = await agent.load();
  try {
    const version = await agent.save({ winners: [...winners, name] });
    won.push(version);
  } catch (error) {
    if (error instanceof StateConflictError) lost += 1;
    else errors.push(plainError(error));
  }
}
tell({ won, lost, errors });
await agent.close();
