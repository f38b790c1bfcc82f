import type { LogRecord } from '../../../backend.js';
import { all } from '../../support/records.js';
import { backendFault } from '../spoiled-backend.js';
import { changingKeys, changingText, changingWrites } from '../through.js';

export const limitFaults = [
  backendFault({
    name: 'records over two megabytes are cut, though longer ones are allowed',
    breaks: 'limits',
    caughtBy: 'a record of as many bytes as are allowed comes back whole',
    like: 'a limit of the server that the adapter does not know: max_allowed_packet, 16 MB of MongoDB',
    spoil: (inner) => changingText(inner, (text) => text.slice(0, 2_000_000)),
  }),
  backendFault({
    name: 'long keys are cut, though they are allowed',
    breaks: 'limits',
    caughtBy: 'a key of as many bytes as are allowed is a key like any other',
    like: 'an index prefix of 3,072 bytes',
    spoil: (inner) => changingKeys(inner, (key) => (key.length > 3_072 ? key.slice(0, 3_072) : key)),
  }),
  backendFault({
    name: 'of many records in one append the last are lost',
    breaks: 'limits',
    caughtBy: 'as many records as are allowed go into one append',
    like: '999 variables in one statement of SQLite, 65,535 in one of Postgres: ten columns a row leave 6,553',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map((append) => ({ ...append, records: append.records.slice(0, 6_553) })),
          options,
        ),
    }),
  }),
  backendFault({
    name: 'of many appends in one commit the last are answered, and not made',
    breaks: 'limits',
    caughtBy: 'as many appends as are allowed go into one commit',
    like: '100 items in a transaction of DynamoDB, UnprocessedItems unread',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const made = await inner.commit(appends.slice(0, 100), options);
        const rest = appends.slice(100).map(({ records }) => {
          const { version, id, at } = records.at(-1) as LogRecord;
          return { ok: true, replayed: false, head: { version, id, at, deleted: false } } as const;
        });
        return [...made, ...rest];
      },
    }),
  }),
  backendFault({
    name: 'deep text is taken for an attack',
    breaks: 'limits',
    caughtBy: 'text that is nested 5,000 deep comes back as it was',
    like: 'JSON functions of SQLite stop at 1,000 levels, those of PHP at 512',
    spoil: (inner) => changingText(inner, (text) => (text.includes('['.repeat(1_001)) ? '[]' : text)),
  }),
  backendFault({
    name: 'meta is cut at 4,000 characters',
    breaks: 'limits',
    caughtBy: 'meta of 4 KB comes back as it was',
    like: 'varchar(4000)',
    spoil: (inner) =>
      changingWrites(inner, (stored) => {
        const { meta, ...rest } = stored;
        return meta !== undefined && JSON.stringify(meta).length > 4_000 ? (rest as typeof stored) : stored;
      }),
  }),
  backendFault({
    name: 'a long log ends after a thousand records',
    breaks: 'limits',
    caughtBy: 'a log of more than a thousand records is read whole, and in pages',
    like: 'the default page of a driver, taken for all there is',
    spoil: (inner) => ({
      async *range(key, options) {
        yield* (await all(inner.range(key, options))).slice(0, 1_000);
      },
    }),
  }),
  backendFault({
    name: 'a listing ends after its first page',
    breaks: 'limits',
    caughtBy: 'hundreds of keys are listed whole, and in pages',
    like: 'SCAN once; LIST of S3 without its continuation token',
    spoil: (inner) => ({
      async *keys(prefix, options) {
        yield* (await all(inner.keys(prefix, options))).slice(0, 250);
      },
    }),
  }),
];
