/** Where processes of their own find their place: on files, or in the store that the query of a module says. */
import { fileBackend } from 'dgents-core';

/** @param module the URL that a subject was imported by: `?store=sqlite`, `?store=postgres&server=…` */
export async function backendOf(module, place) {
  const given = new URL(module).searchParams;
  switch (given.get('store') ?? 'file') {
    case 'file':
      return fileBackend({ path: place });
    case 'sqlite': {
      const { SqliteBackend } = await import('dgents-sql');
      return new SqliteBackend({ path: `${place}/store.db` });
    }
    case 'postgres': {
      const { PostgresBackend } = await import('dgents-sql');
      return new PostgresBackend({ connectionString: given.get('server'), schema: place, pollMs: 20 });
    }
    case 'redis': {
      const { RedisBackend } = await import('dgents-redis');
      return new RedisBackend({ url: given.get('server'), prefix: place, pollMs: 20 });
    }
    default:
      throw new RangeError(`There is no store ${given.get('store')} here.`);
  }
}
