/** Software that is right until there are several processes, or one is killed. */
import { Store } from '../../../store.js';
import { type AgentSubject, agentOn } from '../../agent-subject.js';
import { type EventStreamSubject, runAgentKit, runBackendKit, runEventStreamKit } from '../../index.js';
import type { BackendClaims, BackendSubject } from '../../subject.js';
import type { Fault } from '../fault.js';
import { create, destroy, importFrom, open, type Place, spoiledFiles } from './module.js';

/** A backend on an honest file, or on one that is spoiled. */
export function toySubject(
  name = 'a toy file',
  sharing: NonNullable<BackendClaims['sharing']> = 'host',
  fault?: string,
): BackendSubject<Place> {
  return {
    name,
    claims: { durability: 'process', sharing, atomicity: 'store', orderedKeys: true, find: true },
    create: () => create(fault),
    open,
    destroy,
    importFrom,
  };
}

/** Agents on such a file. */
export function toyAgents(
  name = 'agents on a toy file',
  sharing: NonNullable<BackendClaims['sharing']> = 'host',
  fault?: string,
): AgentSubject<Place> {
  return {
    name,
    claims: { durability: 'process', sharing },
    create: () => create(fault),
    open: (place, settings) => agentOn(new Store(open(place)), settings),
    destroy,
    importFrom,
  };
}

/** Streams on such a file. */
export function toyFileStreams(
  name = 'streams on a toy file',
  sharing: NonNullable<BackendClaims['sharing']> = 'host',
  fault?: string,
): EventStreamSubject<Place> {
  return {
    name,
    claims: { durability: 'process', sharing, messageIds: true, foldsFirst: true, values: true },
    create: () => create(fault),
    open,
    destroy,
    importFrom,
  };
}

/** Every fault that needs processes of its own to be found. */
export const processFaults: readonly Fault[] = spoiledFiles.map(({ file: _, sharing = 'host', ...note }) => ({
  ...note,
  run: (options) => {
    if (note.of === 'agent') return runAgentKit(toyAgents(note.name, sharing, note.name), options);
    if (note.of === 'stream')
      return runEventStreamKit(toyFileStreams(note.name, sharing, note.name), options);
    return runBackendKit(toySubject(note.name, sharing, note.name), options);
  },
}));
