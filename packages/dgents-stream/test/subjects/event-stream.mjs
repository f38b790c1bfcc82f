/** StreamAgents as streams of events, for processes of their own. */
import { Store } from 'dgents-core';
import { eventStreamOn } from '../../dist/testing/event-stream-subject.js';
import { backendOf } from './backend-of.mjs';

export async function open(place, settings) {
  return eventStreamOn(new Store(await backendOf(import.meta.url, place)), settings);
}
