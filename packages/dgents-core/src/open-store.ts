/** From a URL to a store. Packages are loaded when their scheme is asked for, never by being imported. */
import type { Backend } from './backend.js';
import { StorageUnavailableError, UnsupportedError } from './errors.js';
import { checkOptions, type OptionNames } from './option-names.js';
import { ENGINE_OPTIONS } from './state/agent-option-names.js';
import { Store, type StoreOptions } from './store.js';

/** Makes a backend of a URL. It may connect lazily; `openStore` asks it to be ready. */
export type BackendFactory = (url: string) => Backend | Promise<Backend>;

export interface OpenStoreOptions extends StoreOptions {
  /** More schemes, without the colon: `{ lmdb: (url) => lmdbBackend(url) }`. They come before the known ones. */
  readonly backends?: Readonly<Record<string, BackendFactory>>;
}

const OPTIONS: OptionNames<OpenStoreOptions> = { ...ENGINE_OPTIONS, backends: true };

/** Packages of ours that bring schemes: each exports `backends`, a record of factories by scheme. */
const PACKAGES: Readonly<Record<string, string>> = {
  sqlite: 'dgents-sql',
  pglite: 'dgents-sql',
  postgres: 'dgents-sql',
  postgresql: 'dgents-sql',
  redis: 'dgents-redis',
  rediss: 'dgents-redis',
};

const BUILT_IN: Readonly<Record<string, BackendFactory>> = {
  memory: async () => new (await import('./memory/memory-backend.js')).MemoryBackend(),
  file: async (url) => (await import('./file/file-url.js')).fileBackendOf(url),
};

/**
 * Opens a store: `memory:`, `file:./state`, and, with their packages, `sqlite:`, `pglite:`, `postgres:`, `redis:`.
 * The store answers when this resolves; there is no silent fall back to another one.
 * @param url what to open; the environment variable DGENTS_STORE unless given
 * @throws TypeError when there is no URL, or for an option that is not known
 * @throws UnsupportedError for an unknown scheme, an option that it does not take, or a package that is not installed
 * @throws StorageUnavailableError when the store does not answer; StorageTimeoutError when it does not in time
 */
export async function openStore(url?: string, options: OpenStoreOptions = {}): Promise<Store> {
  const address = url ?? process.env['DGENTS_STORE'];
  if (typeof address !== 'string' || address === '') {
    throw new TypeError("Which store? Give openStore a URL such as 'file:./state', or set DGENTS_STORE.");
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new UnsupportedError(
      `"${beginning(address)}" is no store URL: it begins with a scheme, as in 'file:./state'.`,
    );
  }
  checkOptions('openStore', options, OPTIONS);
  const { backends, ...rest } = options;
  const backend = await (await factoryOf(scheme, backends))(address);
  const store = new Store(backend, rest);
  try {
    await store.ready();
  } catch (error) {
    await store.close().catch(() => undefined);
    throw error;
  }
  return store;
}

async function factoryOf(
  scheme: string,
  backends: OpenStoreOptions['backends'] = {},
): Promise<BackendFactory> {
  if (Object.hasOwn(backends, scheme)) return backends[scheme] as BackendFactory;
  if (Object.hasOwn(BUILT_IN, scheme)) return BUILT_IN[scheme] as BackendFactory;
  const name = Object.hasOwn(PACKAGES, scheme) ? PACKAGES[scheme] : undefined;
  if (name === undefined) {
    const known = [...Object.keys(backends), ...Object.keys(BUILT_IN), ...Object.keys(PACKAGES)];
    throw new UnsupportedError(
      `There is no store for "${scheme}:". Known are ${known.map((one) => `${one}:`).join(', ')}; hand others in with { backends }.`,
    );
  }
  const loaded = await load(name, scheme);
  const factory = loaded.backends?.[scheme];
  if (typeof factory === 'function') return factory;
  throw new StorageUnavailableError(
    `The installed ${name} does not bring "${scheme}:". Update it: npm install ${name}@latest`,
  );
}

async function load(
  name: string,
  scheme: string,
): Promise<{ backends?: Readonly<Record<string, BackendFactory>> }> {
  try {
    return (await import(name)) as { backends?: Readonly<Record<string, BackendFactory>> };
  } catch (cause) {
    const missing = (cause as { code?: unknown } | null)?.code;
    if (missing !== 'ERR_MODULE_NOT_FOUND' && missing !== 'MODULE_NOT_FOUND') {
      throw new StorageUnavailableError(`The package ${name} failed to load.`, { cause });
    }
    throw new UnsupportedError(`"${scheme}:" needs the package ${name}: npm install ${name}`, {
      cause,
    });
  }
}

/** A URL may hold a password: what comes after two slashes, or has an at sign, is not quoted. */
function beginning(address: string): string {
  return address.replace(/(?<=\/\/).*$|(?<=^[^/]*:).*@.*$|.*@.*$/s, '…').slice(0, 64);
}
