/** `sqlite:`, `pglite:` and `postgres:` URLs, for `openStore` and `SQLAgent`. */
import { fileURLToPath } from 'node:url';
import { type BackendFactory, UnsupportedError } from 'dgents-core';
import { PgliteBackend, PostgresBackend } from './postgres/postgres-backend.js';
import { SqliteBackend } from './sqlite/sqlite-backend.js';

export type SqlBackend = SqliteBackend | PostgresBackend | PgliteBackend;

interface Parsed {
  readonly location: string;
  readonly options: Readonly<Record<string, string>>;
}

/** `scheme:location?options`, where the location is a path. */
function parsed(url: string): Parsed {
  const [location = '', query = ''] = url.slice(url.indexOf(':') + 1).split(/\?(.*)/s);
  return { location: pathOf(location), options: Object.fromEntries(new URLSearchParams(query)) };
}

/** @throws UnsupportedError when it is no path */
function pathOf(location: string): string {
  try {
    return location.startsWith('//') ? fileURLToPath(`file:${location}`) : decodeURIComponent(location);
  } catch (cause) {
    const message = `${JSON.stringify(location)} is no path: write ./state.db or ///var/lib/state.db, and %25 for a percent sign.`;
    throw new UnsupportedError(message, { cause });
  }
}

/** @throws UnsupportedError for an option that is not among these */
function known<Name extends string>(
  scheme: string,
  options: Parsed['options'],
  names: readonly Name[],
): { readonly [N in Name]?: string } {
  for (const name of Object.keys(options)) {
    if (names.includes(name as Name)) continue;
    throw new UnsupportedError(`${scheme}: takes no option "${name}"; only ${names.join(', ')}.`);
  }
  return options as { readonly [N in Name]?: string };
}

/** @throws UnsupportedError when it is given and neither `true` nor `false` */
function flag<Name extends string>(
  name: Name,
  value: string | undefined,
): { readonly [N in Name]?: boolean } {
  if (value === undefined) return {};
  if (value === 'true' || value === 'false') return { [name]: value === 'true' } as { [N in Name]: boolean };
  throw new UnsupportedError(`${name} is true or false, not "${value}".`);
}

/**
 * `sqlite:./state.db`, `sqlite:///var/lib/state.db`, `sqlite::memory:`; with `?table=`, `?durability=process`,
 * `?materialize=true`.
 *
 * @throws UnsupportedError for other options
 */
function sqliteOf(url: string): SqliteBackend {
  const { location, options } = parsed(url);
  if (location === '') throw new UnsupportedError("sqlite: needs a file, as in 'sqlite:./state.db'.");
  const {
    table,
    durability = 'power',
    materialize,
  } = known('sqlite', options, ['table', 'durability', 'materialize']);
  if (durability !== 'power' && durability !== 'process') {
    throw new UnsupportedError(`sqlite: takes durability=power or durability=process, not "${durability}".`);
  }
  return new SqliteBackend({
    path: location,
    durability,
    ...(table !== undefined && { table }),
    ...flag('materialize', materialize),
  });
}

const OURS = ['schema', 'table', 'materialize'] as const;

/** What pg itself reads from a URL. */
const PG = [
  ...['user', 'password', 'host', 'port', 'dbname', 'database', 'client_encoding', 'options'],
  ...['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation', 'uselibpqcompat'],
  ...['application_name', 'fallback_application_name', 'keepAlive', 'keepAliveInitialDelayMillis'],
  ...['connectionTimeoutMillis', 'idleTimeoutMillis', 'max', 'connect_timeout', 'query_timeout'],
  ...['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'target_session_attrs'],
];

/**
 * `postgres://user:password@host:5432/database`; with `?schema=`, `?table=`, `?materialize=true`, and what pg itself
 * takes.
 */
function postgresOf(url: string): PostgresBackend {
  const address = addressOf(url);
  const options = Object.fromEntries(address.searchParams);
  const { schema, table, materialize } = known('postgres', options, [...OURS, ...PG]);
  for (const name of OURS) address.searchParams.delete(name);
  return new PostgresBackend({
    connectionString: address.href,
    ...(schema !== undefined && { schema }),
    ...(table !== undefined && { table }),
    ...flag('materialize', materialize),
  });
}

/** What `new URL` itself throws holds the whole text, and so the password. */
function addressOf(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  // An `@` behind the host was meant to stand before it: what is taken for the host then is a piece of the password.
  if (address !== undefined && !/@|%40/i.test(address.pathname + address.hash)) return address;
  throw new UnsupportedError(
    'This is no URL such as postgres://user:password@host:5432/database. Escape what is special in the password: encodeURIComponent(password).',
  );
}

/** `pglite:./state`, a directory; `pglite:` alone is in memory. With `?schema=`, `?table=`, `?materialize=true`. */
function pgliteOf(url: string): PgliteBackend {
  const { location, options } = parsed(url);
  const { schema, table, materialize } = known('pglite', options, ['schema', 'table', 'materialize']);
  return new PgliteBackend({
    ...(location !== '' && location !== ':memory:' && { dataDir: location }),
    ...(schema !== undefined && { schema }),
    ...(table !== undefined && { table }),
    ...flag('materialize', materialize),
  });
}

const OPENERS = {
  sqlite: sqliteOf,
  pglite: pgliteOf,
  postgres: postgresOf,
  postgresql: postgresOf,
} satisfies Record<string, BackendFactory>;

/** What `openStore` asks this package for. */
export const backends: Readonly<Record<string, BackendFactory>> = OPENERS;

/**
 * The backend that a URL stands for; not connected yet.
 *
 * @throws UnsupportedError for another scheme
 */
export function backendOf(url: string): SqlBackend {
  const scheme = /^([a-z]+):/i.exec(url)?.[1]?.toLowerCase() ?? '';
  if (Object.hasOwn(OPENERS, scheme)) return OPENERS[scheme as keyof typeof OPENERS](url);
  // Not the URL: there may be a password in it.
  throw new UnsupportedError(
    `A URL of SQL begins with sqlite:, pglite: or postgres:, not with "${scheme === '' ? url.slice(0, 8) : scheme}:".`,
  );
}
