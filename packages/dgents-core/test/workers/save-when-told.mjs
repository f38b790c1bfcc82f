/** Loads, tells { loaded }, waits to be told, and saves. Tells { saved } or { refused }. */
import { PersistentAgent } from 'dgents-core';
import { plainError, settings, tell, told } from './messages.mjs';

const agent = new PersistentAgent({ path: settings.path, initial: () => ({ by: 'nobody' }) });
tell({ loaded: await agent.load() });
await told();
try {
  tell({ saved: await agent.save({ by: 'the one that was paused' }) });
} catch (error) {
  tell({ refused: plainError(error) });
}
await agent.close();
