/** StreamAgents of which every change is an event, as agents, for processes of their own. */
import { Store } from 'dgents-core';
import { streamOn } from '../../dist/testing/stream-subject.js';
import { backendOf } from './backend-of.mjs';

export async function open(place, settings) {
  return streamOn(new Store(await backendOf(import.meta.url, place)), settings, true);
}
