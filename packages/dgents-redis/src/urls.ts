/** `redis:` and `rediss:` URLs, for `openStore` and `RedisAgent`. */
import type { BackendFactory } from 'dgents-core';
import type { RedisBackendOptions } from './backend-options.js';
import { RedisBackend } from './redis-backend.js';

/**
 * The backend that a URL stands for; not connected yet.
 *
 * @param more options that go before those of the URL
 * @throws UnsupportedError for another scheme, other options, and what is no URL
 */
export function backendOf(url: string, more: Omit<RedisBackendOptions, 'url'> = {}): RedisBackend {
  return new RedisBackend({ ...more, url });
}

/** What `openStore` asks this package for. */
export const backends: Readonly<Record<string, BackendFactory>> = {
  redis: (url) => backendOf(url),
  rediss: (url) => backendOf(url),
};
