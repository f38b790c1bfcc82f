/** PersistentAgent with one plain JSON file for each state, which keeps no history. */
import { open as openJournal, pathOf } from './persistent.mjs';

export { create, destroy, kind } from './persistent.mjs';

export const name = 'PersistentAgent, format json';
export const importFrom = import.meta.url;

export const claims = { durability: 'power', sharing: 'host', history: false };

export function open(place, settings) {
  return openJournal(place, { ...settings, format: 'json', path: pathOf(place, settings.key, 'json') });
}
