/** A connection that does nothing but listen. It is not one of the pool's, whose clients may be few, and come and go. */
import type pg from 'pg';
import { checkName } from '../shared/names.js';
import type { Line } from './ear.js';

/** Long enough for a handshake over any network. */
const CONNECT_TIMEOUT_MS = 10_000;

/** How long the server is given to say goodbye. */
const FAREWELL_MS = 1_000;

/** After so long without a word the network is asked whether the server is still there. */
const KEEP_ALIVE_MS = 15_000;

type Unreferenced = pg.Client & { ref?(): void; unref?(): void };

/** @param connected gives the pool whose settings are used: address, user, TLS */
export function lineTo(
  connected: () => Promise<pg.Pool>,
  channel: string,
  heard: (note: string) => void,
  lost: () => void,
): Line {
  let client: Unreferenced | undefined;
  let ended = false;
  const begin = async (): Promise<void> => {
    const made = await clientLike(await connected());
    if (ended) return;
    client = made;
    // Its end is what counts; without a listener an error would end the process.
    made.on('error', () => undefined);
    made.on('notification', ({ payload = '' }) => heard(payload));
    await made.connect();
    await made.query(`LISTEN "${checkName('channel', channel)}"`);
    // Whoever waits keeps the process alive; an open line does not.
    made.unref?.();
    made.once('end', lost);
  };
  return {
    open: begin(),
    end: async () => {
      ended = true;
      client?.off('end', lost);
      if (client === undefined) return;
      client.ref?.();
      await withinMs(FAREWELL_MS, client.end());
    },
  };
}

async function clientLike(pool: pg.Pool): Promise<Unreferenced> {
  const { Client: TheirClient } = pool as pg.Pool & { Client?: typeof pg.Client };
  const Client = TheirClient ?? (await import('pg')).Client;
  return new Client({
    ...pool.options,
    connectionTimeoutMillis: pool.options.connectionTimeoutMillis || CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  } as pg.ClientConfig);
}

/** Waits for something that may never come, and whose failure changes nothing. */
function withinMs(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const over = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(over, over);
  });
}
