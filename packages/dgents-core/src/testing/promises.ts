/**
 * What is promised, in the order of how much rests on it. One suite each; a file in `backend/`, `agent/`, `wrapper/`, `stream/`
 * or several of them carries its name.
 */
export const PROMISES = {
  capabilities: 'What is claimed is so, and what is not claimed is refused.',
  values:
    'What comes back is what was given, exactly; what cannot be kept is refused before anything is sent.',
  isolation: 'What was given is taken, what was returned is yours: changing either changes nothing stored.',
  keys: 'Every key is a state of its own, and a prefix matches exactly.',
  history: 'Every version can be read as it was, in order and without gaps.',
  versions: 'A write is compared with what its writer saw; versions only grow, also across a deletion.',
  operations: 'An operation happens once, however often it is sent and whatever reply was lost.',
  atomicity: 'A commit happens whole or not at all, be it of several records or over several keys.',
  retention: 'What is trimmed is gone, what is kept stays as it was, and numbering goes on.',
  ttl: 'A state with a time to live goes when its time is over, and no other ever does.',
  watch: 'A watcher hears that its key has changed, and never misses the last change.',
  feed: 'Every commit appears in the feed once, in the order of its log.',
  folding: 'A state is what its events lead to, whatever was kept to come to it sooner.',
  subscriptions: 'A subscription gives every event once, in order, and says when that were all.',
  errors: 'A failure is told with its class, code, cause and key; nothing is swallowed.',
  limits: 'What is within the declared limits is kept; what exceeds them is refused, and nothing breaks.',
  lifecycle:
    'Every call settles; close waits for what was accepted and refuses what comes later; nothing leaks.',
  concurrency: 'Writers that meet lose nothing: handles, flows of one handle, and processes.',
  durability: 'What was acknowledged is there after closing and opening again.',
  crashes: 'Whoever is killed, whenever: what was acknowledged is there, and nothing is half there.',
  together: 'All of it at once agrees with a simple model.',
  forwarding: 'A wrapper passes on every method, option, result and error that it does not change.',
} as const;

export type PromiseName = keyof typeof PROMISES;
