/** StreamAgents for processes of their own: on files, or where `?store=` says. */
import { fileBackend, Store } from 'dgents-core';
import { eventStreamOn } from '../../dist/testing/event-stream-subject.js';

const backendOf = {
  file: async (path) => fileBackend({ path }),
  sqlite: async (path) => {
    const { SqliteBackend } = await import('dgents-sql');
    return new SqliteBackend({ path: `${path}/store.db` });
  },
  postgres: async (schema) => {
    const { PostgresBackend } = await import('dgents-sql');
    return new PostgresBackend({ connectionString: given.get('server'), schema, pollMs: 20 });
  },
  redis: async (prefix) => {
    const { RedisBackend } = await import('dgents-redis');
    return new RedisBackend({ url: given.get('server'), prefix, pollMs: 20 });
  },
};

const given = new URL(import.meta.url).searchParams;

export async function open(place, settings) {
  return eventStreamOn(new Store(await backendOf[given.get('store') ?? 'file'](place)), settings);
}
