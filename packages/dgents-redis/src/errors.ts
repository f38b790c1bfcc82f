/** What Redis and its driver say, as the typed errors that say what to do. */
import {
  DgentsError,
  StateCorruptionError,
  StorageFullError,
  StorageUnavailableError,
  UnsupportedError,
} from 'dgents-core';

/** The first word of an error reply of the server: it did not run the command, or stopped before the first write. */
const REFUSALS: Readonly<Record<string, string>> = {
  NOAUTH: 'The server wants a password: give one in the URL, or as an option of the connection.',
  WRONGPASS: 'The server refused the user or the password.',
  NOPERM: 'The user may not do this: let it run EVALSHA, EVAL and what is listed in docs/formats/redis.md.',
  READONLY: 'The server is a replica: a failover? Connect to the master, or through Sentinel.',
  LOADING: 'The server is starting, and still loading what it keeps.',
  MISCONF:
    'The server cannot write its snapshot to disk, and takes no writes until it can. Has its disk room?',
  MASTERDOWN: 'The server is a replica that has lost its master.',
  CLUSTERDOWN: 'The Cluster is incomplete: a slot has no master.',
  TRYAGAIN: 'The slot is being moved: try again.',
  MOVED: 'The slot lies on another node: open a Cluster with { cluster }, not with one URL.',
  ASK: 'The slot is being moved: open a Cluster with { cluster }, not with one URL.',
  CROSSSLOT: 'The keys lie in different slots: let a hashTag keep them together.',
  NOREPLICAS: 'The server has too few replicas that keep up (min-replicas-to-write).',
  BUSY: 'A script keeps the server busy.',
  NOSCRIPT: 'The script was not there.',
};

/** Connecting again does not help before somebody has changed something. */
const FOR_GOOD = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);

const NOT_TRUSTED =
  'The certificate of the server is not trusted: give that of its authority, as { redis: { tls: { ca } } }.';

/** What the system says of a connection. */
const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nobody listens there: is the server running, and are host and port right?',
  ENOTFOUND: 'There is no such host.',
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_TRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_TRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_TRUSTED,
  CERT_HAS_EXPIRED: 'The certificate of the server has expired.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate of the server is for another host.',
};

function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

function wordOf(error: unknown): string {
  return isReply(error) ? (/^-?([A-Z]+)/.exec(error.message)?.[1] ?? '') : '';
}

export function isNoScript(error: unknown): boolean {
  return wordOf(error) === 'NOSCRIPT';
}

export function isForGood(error: unknown): boolean {
  return FOR_GOOD.has(wordOf(error));
}

export function isUnknownCommand(error: unknown): boolean {
  return isReply(error) && /unknown (sub|redis )?command/i.test(error.message);
}

/** Within a script a missing right is told in other words than outside: these of Redis 6 and 7.0, those of what came after. */
function isForbidden(error: unknown): boolean {
  return isReply(error) && /can't run this (sub)?command|ACL failure in script/i.test(error.message);
}

/** Without what was sent: that holds states, and where the driver logs in the password. */
export function withoutArguments(error: unknown): unknown {
  if (!(error instanceof Error) || DgentsError.is(error)) return error;
  const { name, message, stack } = error;
  const { code } = error as { code?: unknown };
  const clean = new Error(message);
  Object.defineProperty(clean, 'name', { value: name });
  Object.defineProperty(clean, 'stack', { value: stack });
  return typeof code === 'string' ? Object.assign(clean, { code }) : clean;
}

/**
 * Whether the server itself said no, before anything was written: our scripts look at everything before they write, and
 * what a server refuses for its state it refuses at the first write.
 */
function serverRefused(error: unknown): boolean {
  const word = wordOf(error);
  return (
    Object.hasOwn(REFUSALS, word) ||
    word === 'OOM' ||
    word === 'WRONGTYPE' ||
    word === 'DGENTSDAMAGED' ||
    isForbidden(error) ||
    isUnknownCommand(error)
  );
}

/** The typed error of a read, or of a write that did not happen. Typed ones and mistakes of the caller pass through. */
export function redisError(error: unknown, location: string, key?: string): unknown {
  if (DgentsError.is(error) || error instanceof TypeError || error instanceof RangeError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const options = { cause: withoutArguments(error), key };
  const word = wordOf(error);
  if (word === 'OOM')
    return new StorageFullError(`${location} has no memory left (maxmemory): ${said}`, options);
  if (word === 'WRONGTYPE' || word === 'DGENTSDAMAGED') {
    const what = key === undefined ? 'What is stored' : `What is stored of ${JSON.stringify(key)}`;
    return new StateCorruptionError(`${what} at ${location} is not as it was written: ${said}`, {
      ...options,
      location,
    });
  }
  if (isUnknownCommand(error)) {
    return new UnsupportedError(`${location} cannot do this (Redis 6 or newer can): ${said}`, options);
  }
  const system = (error as { code?: unknown } | null)?.code;
  const advice = isForbidden(error) ? REFUSALS['NOPERM'] : (REFUSALS[word] ?? NETWORK[String(system)]);
  const text = advice === undefined ? said : `${advice} (${said})`;
  return new StorageUnavailableError(`Cannot use ${location}: ${text}`, options);
}

/** Whether it is sure that nothing was written: the server refused, or the driver did not even try. */
export function wasNotWritten(error: unknown): boolean {
  // There is no connection, and the driver keeps nothing for later; or it only subscribes.
  const said = error instanceof Error ? error.message : '';
  const wasNotSent =
    said.startsWith("Stream isn't writeable") || said.startsWith('Connection in subscriber mode');
  return wasNotSent || serverRefused(error);
}
