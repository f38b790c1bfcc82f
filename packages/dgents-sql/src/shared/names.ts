/** Names of tables and schemas: part of the text of statements, so only what needs no trust is let in. */
import { UnsupportedError } from 'dgents-core';

/** Postgres cuts names at 63 bytes; the longest suffix of ours has 20. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;

/** @throws UnsupportedError when it is not letters, digits and underscores, or longer than 40 */
export function checkName(what: 'schema' | 'table' | 'channel', name: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw new UnsupportedError(
    `${JSON.stringify(name)} is no name for a ${what} here: 1 to 40 letters, digits and underscores, no digit first.`,
  );
}

/** The tables of one store, quoted, with their schema. */
export interface Tables {
  readonly prefix: string;
  readonly meta: string;
  readonly heads: string;
  readonly log: string;
  readonly checkpoints: string;
  readonly documents: string;
}

export function tablesOf(table: string, schema?: string): Tables {
  const prefix = checkName('table', table);
  const space = schema === undefined ? '' : `"${checkName('schema', schema)}".`;
  const named = (suffix: string) => `${space}"${prefix}_${suffix}"`;
  return {
    prefix,
    meta: named('meta'),
    heads: named('heads'),
    log: named('log'),
    checkpoints: named('checkpoints'),
    documents: named('documents'),
  };
}
