/** The keys of a store. Redis keeps no order: they are gathered, and then put into that of their code points. */
import {
  type BackendKeysOptions,
  byCodePoint,
  DgentsError,
  type KeyEntry,
  StorageUnavailableError,
} from 'dgents-core';
import { type Client, isCluster } from './client.js';
import type { Connection } from './connection.js';
import type { Names } from './names.js';
import { headerOf } from './reading.js';
import { patternOf, textOfPrefix } from './texts.js';

/** How many keys of the database the server looks at for one answer. */
const SCAN_COUNT = 1_000;

/** How often the keys are looked at where a connection is lost, or slots are moved, meanwhile: none moves twice in that time. */
const PASSES = 3;

/** How many heads are asked for at once. */
const HEADS = 256;

type Ask = <T>(work: (client: Client) => Promise<T>) => Promise<T>;

/** Costs a pass over all keys of the database (of a Cluster: more while slots are moved), and holds those with the prefix, or as many as are asked for. */
export async function* listed(
  prefix: string,
  { after, limit = Number.POSITIVE_INFINITY, heads }: BackendKeysOptions,
  names: Names,
  ask: Ask,
  connection: Connection,
): AsyncGenerator<KeyEntry> {
  if (limit === 0) return;
  // What is gone meanwhile is left out of a list with heads, and the next ones take its place.
  const keys = await gathered(
    prefix,
    after,
    heads ? Number.POSITIVE_INFINITY : limit,
    names,
    ask,
    connection,
  );
  if (!heads) {
    for (const key of keys) yield { key };
    return;
  }
  let left = limit;
  for (let i = 0; i < keys.length && left > 0; i += HEADS) {
    const some = keys.slice(i, i + Math.min(HEADS, left + 16));
    const headers = await ask((client) =>
      Promise.all(
        some.map((key) => client.call('lindex', names.log(key), 0).catch(notOurs) as Promise<string | null>),
      ),
    );
    for (const [j, key] of some.entries()) {
      const text = headers[j];
      if (text === null || text === undefined) continue;
      yield withHead(key, text, connection.location);
      if (--left === 0) return;
    }
    i -= HEADS - some.length;
  }
}

/** Something else has taken the name: it must not hide the others. */
function notOurs(error: unknown): string {
  if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return '';
  throw error;
}

function withHead(key: string, text: string, location: string): KeyEntry {
  try {
    return { key, head: headerOf(text, { key, location }).head };
  } catch (error) {
    if (DgentsError.is(error, 'DGENTS_STATE_CORRUPTION')) return { key };
    throw error;
  }
}

async function gathered(
  prefix: string,
  after: string | undefined,
  limit: number,
  names: Names,
  ask: Ask,
  connection: Connection,
): Promise<string[]> {
  const found = new Set<string>();
  const start = await ask(async (client) => client.options.keyPrefix ?? '');
  const pattern = `${patternOf(start + names.logs + textOfPrefix(prefix))}*`;
  const take = (full: string): void => {
    const key = names.keyOfLog(full.slice(start.length));
    if (key.startsWith(prefix) && (after === undefined || byCodePoint(key, after) > 0)) found.add(key);
  };
  const scan = async (node: Client): Promise<void> => {
    let cursor = '0';
    do {
      const [next, some] = await ask(
        () => node.call('scan', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT) as Promise<[string, string[]]>,
      );
      cursor = String(next);
      for (const each of some) take(each);
      if (found.size > 4 * limit + 1_000) keepFirst(found, limit);
    } while (cursor !== '0');
  };
  for (let pass = 1, before = await ask(slotsOf); pass <= PASSES; pass++) {
    const { cuts } = connection;
    for (const node of await ask(async (client) => nodesOf(client))) await scan(node as Client);
    const after = await ask(slotsOf);
    if (connection.cuts !== cuts) {
      // A cursor of one process means nothing to another, and what was found may be gone with it.
      found.clear();
      if (pass < PASSES) continue;
      throw new StorageUnavailableError(
        `The connection to ${connection.location} was lost each time its keys were listed: try again.`,
      );
    }
    if (after === before && !after.includes('[')) break;
    before = after;
  }
  return [...found].sort(byCodePoint).slice(0, limit);
}

/**
 * Which slots lie on which master; `[` where one is on its way. What moves to a node that was looked at already is missed in
 * one pass over all of them, and found in the next.
 */
async function slotsOf(client: Client): Promise<string> {
  if (!isCluster(client)) return '';
  await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
  const told = await Promise.all(nodesOf(client).map((node) => node.call('cluster', 'NODES')));
  // id, address, flags, master, ping, pong, epoch, link, and slots from there on
  const lines = told.flatMap((text) => String(text).split('\n')).filter((line) => line.includes('myself'));
  return lines
    .map((line) => `${line.split(' ', 1)} ${line.trim().split(' ').slice(8)}`)
    .sort()
    .join();
}

function keepFirst(found: Set<string>, limit: number): void {
  for (const each of [...found].sort(byCodePoint).slice(limit)) found.delete(each);
}

function nodesOf(client: Client) {
  return isCluster(client) ? client.nodes('master') : [client];
}
