/** What an acknowledged commit survives, by what the server says of itself. */
import type { Durability } from 'dgents-core';
import { type Client, isCluster } from './client.js';

/** Settings by name; undefined where the server does not tell. */
type Settings = Readonly<Record<string, string | undefined>>;

/** From the least on. */
const ORDER: readonly Durability[] = ['none', 'unknown', 'process', 'power'];

/**
 * What is sure of all masters. Where a replica can be made the master, nothing is sure unless all there are have every
 * acknowledged commit on their disks: one without it, or that forgets it, may be the next.
 *
 * @param disks on the disks of how many replicas every acknowledged commit is
 */
export async function durabilityOf(client: Client, disks: number): Promise<Durability> {
  const nodes = isCluster(client) ? client.nodes('master') : [client];
  const mayFailOver = isCluster(client) || Boolean(client.options.sentinels?.length);
  const all = await Promise.all(
    nodes.map(async (node) => ofOne(await settingsOf(node as Client), mayFailOver, disks)),
  );
  const [least = 'unknown'] = [...all].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  return least;
}

function ofOne(settings: Settings, mayFailOver: boolean, disks: number): Durability {
  const policy = settings['maxmemory-policy'] ?? settings['maxmemory_policy'];
  // It drops what was acknowledged as soon as memory is short.
  if (policy?.startsWith('allkeys')) return 'none';
  const appendOnly =
    settings['appendonly'] ?? (settings['aof_enabled'] === '1' ? 'yes' : settings['aof_enabled']);
  if (appendOnly === undefined || policy === undefined) return 'unknown';
  if (appendOnly !== 'yes') return 'none';
  // Replicas that are away for a moment are not counted, and come back: none is no answer.
  if (mayFailOver && !(disks > 0 && Number(settings['connected_slaves']) <= disks)) return 'unknown';
  // Otherwise it acknowledges what it could not write because the disk was busy or full: not even its own end is survived.
  return settings['appendfsync'] === 'always' ? 'power' : 'unknown';
}

/** Managed servers often refuse CONFIG, and still answer INFO, without `appendfsync`. */
async function settingsOf(node: Client): Promise<Settings> {
  const settings: Record<string, string> = {};
  for (const name of ['appendonly', 'appendfsync', 'maxmemory-policy']) {
    const pair = (await node.call('config', 'GET', name).catch(notTold)) as string[] | undefined;
    if (pair?.[1] !== undefined) settings[name] = pair[1];
  }
  for (const section of ['persistence', 'memory', 'replication']) {
    const text = (await node.call('info', section).catch(notTold)) as string | undefined;
    for (const line of text?.split('\r\n') ?? []) {
      const at = line.indexOf(':');
      if (at > 0) settings[line.slice(0, at)] ??= line.slice(at + 1);
    }
  }
  return settings;
}

/** Only the server's refusal is an answer. */
function notTold(error: unknown): undefined {
  if (error instanceof Error && error.name === 'ReplyError') return undefined;
  throw error;
}
