/** What Postgres says, as the typed errors that say what to do. */
import {
  DgentsError,
  StateCorruptionError,
  StorageFullError,
  StorageTimeoutError,
  StorageUnavailableError,
  UnsupportedError,
} from 'dgents-core';

/** SQLSTATE, by class or whole. See "Appendix A. PostgreSQL Error Codes" of its manual. */
const ADVICE: readonly (readonly [code: string, advice: string])[] = [
  ['28', 'The server refused the user: check user, password and pg_hba.conf.'],
  ['3D000', 'There is no such database: create it, or name another one.'],
  ['3F000', 'There is no such schema: create it, or let autoSetup do it.'],
  ['42501', 'The user may not do this: grant it, or set the tables up as another user.'],
  ['42P01', 'The tables are missing: let autoSetup make them, or run the statements of postgresDdl().'],
  ['42P07', 'Tables that are not ours have these names: name others with { table } or { schema }.'],
  ['42703', 'A column is missing: the tables are not those of this release.'],
  ['25006', 'The server is read-only: a standby? Write to the primary.'],
  ['53300', 'The server has no connection left: lower `max` of the pool, or raise max_connections.'],
  ['57P0', 'The server is shutting down or starting.'],
  ['08P01', 'A pooler that refuses settings of a session? Open it with { serverTimeouts: false }.'],
  ['08', 'The connection failed.'],
];

/** What the system says of a connection. */
const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nobody listens there: is the server running, and are host and port right?',
  ENOTFOUND: 'There is no such host.',
};

/** Of these the statement had no effect, and may be sent again: serialization failures and deadlocks. */
export function isWorthAnotherTry(error: unknown): boolean {
  const code = sqlStateOf(error);
  return code === '40001' || code === '40P01';
}

export function sqlStateOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/**
 * Whether the server itself said no: then nothing of the statement was kept. Where it ends the connection meanwhile,
 * or itself, it may have committed before.
 */
export function serverRefused(error: unknown): boolean {
  const code = sqlStateOf(error);
  if ((error as { severity?: unknown } | null)?.severity === 'PANIC') return false;
  return code !== '' && !code.startsWith('08') && !code.startsWith('57P');
}

/** Whether a statement failed because its connection was lost: by what the driver, the system or the server says. */
export function isConnectionLoss(error: unknown): boolean {
  if (/^(08|57P)/.test(sqlStateOf(error))) return true;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (/^(ECONN|EPIPE|ETIMEDOUT|ENETDOWN|EHOST)/.test(String(code))) return true;
  return /^Connection terminated|is not queryable/.test(String(message));
}

/** Whether the driver has given up waiting for the server, at a deadline of ours. It says so without a code. */
export function isReadTimeout(error: unknown): boolean {
  return (error as { message?: unknown } | null)?.message === 'Query read timeout';
}

/** The typed error of a read, or of a write that did not happen. Typed ones and mistakes of the caller pass through. */
export function postgresError(error: unknown, location: string, key?: string): unknown {
  if (DgentsError.is(error) || error instanceof TypeError || error instanceof RangeError) return error;
  const code = sqlStateOf(error);
  const said = error instanceof Error ? error.message : String(error);
  const options = { cause: error, key };
  if (code.startsWith('53') && code !== '53300') {
    return new StorageFullError(`${location} has no room: ${said}`, options);
  }
  if (code === '57014' || code === '55P03' || isReadTimeout(error)) {
    return new StorageTimeoutError(`${location} did not finish in time: ${said}`, {
      ...options,
      timeoutMs: 0,
    });
  }
  // XX000 says only that something inside the server went wrong.
  if (code === 'XX001' || code === 'XX002') {
    return new StateCorruptionError(`${location} is damaged: ${said}`, { ...options, location });
  }
  if (code === '0A000' || code === '42883') {
    return new UnsupportedError(`${location} cannot do this (Postgres 13 or newer can): ${said}`, options);
  }
  const system = (error as { code?: unknown } | null)?.code;
  const advice =
    NETWORK[String(system)] ?? ADVICE.find(([prefix]) => code.startsWith(prefix) && code !== '')?.[1];
  return new StorageUnavailableError(
    `Cannot use ${location}: ${advice === undefined ? said : `${advice} (${said})`}`,
    options,
  );
}
