/** What a `redis:` URL says: where the server is, and options of the store. */
import { UnsupportedError } from 'dgents-core';
import type { RedisBackendOptions } from './backend-options.js';
import { addressOf } from './client.js';

/** What a URL may say beside where the server is. */
const OPTIONS = ['prefix', 'hashTag', 'feed', 'expiry', 'pollMs', 'waitReplicas'] as const;

type Given = { readonly [Name in (typeof OPTIONS)[number]]?: string };

/**
 * `redis://user:password@host:6379/0`, or `rediss:` for TLS; with `?prefix=`, `?hashTag=`, `?feed=true`,
 * `?expiry=absolute`, `?pollMs=`, `?waitReplicas=`. The number is the database.
 *
 * @returns the address without the options, and these
 * @throws UnsupportedError for another scheme, other options, and what is no URL
 */
export function optionsOfUrl(url: string): RedisBackendOptions {
  const address = addressOf(url);
  if (!/^\/?\d*$/.test(address.pathname)) {
    throw new UnsupportedError(
      'The path of a redis: URL is the number of a database, as in redis://host:6379/0.',
    );
  }
  const given = known(address.searchParams);
  address.search = '';
  return { url: address.href, ...optionsOf(given) };
}

function known(parameters: URLSearchParams): Given {
  for (const name of parameters.keys()) {
    if (!(OPTIONS as readonly string[]).includes(name)) {
      const told = /^\w{1,40}$/.test(name) ? `option "${name}"` : 'such option';
      throw new UnsupportedError(`redis: takes no ${told}; only ${OPTIONS.join(', ')}.`);
    }
    if (parameters.getAll(name).length > 1) throw new UnsupportedError(`${name} stands twice in the URL.`);
  }
  return Object.fromEntries(parameters);
}

function optionsOf({
  prefix,
  hashTag,
  feed,
  expiry,
  pollMs,
  waitReplicas,
}: Given): Omit<RedisBackendOptions, 'url'> {
  if (feed !== undefined && feed !== 'true' && feed !== 'false') {
    throw new UnsupportedError(`feed is true or false, not "${feed}".`);
  }
  if (expiry !== undefined && expiry !== 'sliding' && expiry !== 'absolute') {
    throw new UnsupportedError(`expiry is sliding or absolute, not "${expiry}".`);
  }
  return {
    ...(prefix !== undefined && { prefix }),
    ...(hashTag !== undefined && { hashTag }),
    ...(feed !== undefined && { feed: feed === 'true' }),
    ...(expiry !== undefined && { expiry }),
    ...(pollMs !== undefined && { pollMs: countOf('pollMs', pollMs) }),
    ...(waitReplicas !== undefined && { waitReplicas: countOf('waitReplicas', waitReplicas) }),
  };
}

function countOf(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UnsupportedError(`${name} is a whole number, not "${text}".`);
}
