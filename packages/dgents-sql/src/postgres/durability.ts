import type { Durability } from 'dgents-core';
import type { Query } from './executor.js';

const SETTINGS = {
  name: '',
  text: `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
};

/**
 * What an acknowledged commit survives, by the settings of the server and of this user and database. Without `fsync` it
 * is in the hands of the operating system when it is acknowledged; with `synchronous_commit = off` it is not even
 * there, and the end of the server may cost the newest ones.
 */
export async function durabilityOf(query: Query): Promise<Durability> {
  const [settings] = await query<{ fsync: string; commit: string }>(SETTINGS, []);
  if (settings?.commit === 'off') return 'unknown';
  return settings?.fsync === 'on' ? 'power' : 'process';
}
