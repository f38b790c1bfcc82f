/** One PGlite in memory, a schema of its own for each test, as a subject of the kit. */
import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { PgliteBackend } from 'dgents-sql';

export const name = 'pglite';

export const claims = {
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
  joins: true,
};

let pglite;

export function create() {
  pglite ??= new PGlite();
  return `kit_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
}

export function open(schema) {
  return new PgliteBackend({ pglite, schema, pollMs: 20 });
}

export function destroy(schema) {
  return pglite.exec(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
}

export function advance(schema, ms) {
  return pglite.exec(`UPDATE "${schema}".dgents_heads SET expires_at = expires_at - ${Number(ms)}`);
}
