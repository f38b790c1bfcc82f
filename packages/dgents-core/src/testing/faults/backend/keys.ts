import type { Checkpoint } from '../../../backend.js';
import { all } from '../../support/records.js';
import { backendFault } from '../spoiled-backend.js';
import { changingKeys, copyOf } from '../through.js';

export const keyFaults = [
  backendFault({
    name: 'keys that differ only in case share a log',
    breaks: 'keys',
    caughtBy: 'keys that differ only in case are logs of their own and come back as they are',
    like: 'a file per key on macOS or Windows; a case-insensitive collation',
    spoil: (inner) => changingKeys(inner, (key) => key.toLowerCase()),
  }),
  backendFault({
    name: 'keys are normalised to NFC',
    breaks: 'keys',
    caughtBy:
      'keys that look the same in another normal form are logs of their own and come back as they are',
    like: 'file systems of Apple; a helpful HTTP gateway',
    spoil: (inner) => changingKeys(inner, (key) => key.normalize('NFC')),
  }),
  backendFault({
    name: 'a slash in a key becomes an underscore',
    breaks: 'keys',
    caughtBy: 'keys that differ in a separator only are logs of their own and come back as they are',
    like: '`key.replace(/[^\\w]/g, "_")` on the way to a file name',
    spoil: (inner) => changingKeys(inner, (key) => key.replaceAll('/', '_')),
  }),
  backendFault({
    name: 'keys end at a NUL',
    breaks: 'keys',
    caughtBy: 'keys that differ after a NUL are logs of their own and come back as they are',
    like: 'anything in C that a key passes through',
    spoil: (inner) => changingKeys(inner, (key) => key.split('\0', 1)[0]!),
  }),
  backendFault({
    name: 'keys are stored as UTF-8',
    breaks: 'keys',
    caughtBy: 'keys that hold half a surrogate pair are logs of their own and come back as they are',
    like: '`Buffer.from(key)`; LevelDB, RocksDB and every server that takes UTF-8: lone surrogates become U+FFFD',
    spoil: (inner) => changingKeys(inner, (key) => Buffer.from(key).toString()),
  }),
  backendFault({
    name: 'keys are cut at 255 bytes',
    breaks: 'keys',
    caughtBy: 'keys that differ at their end only are logs of their own and come back as they are',
    like: 'file names; varchar(255)',
    spoil: (inner) => changingKeys(inner, (key) => Buffer.from(key).subarray(0, 255).toString('latin1')),
  }),
  backendFault({
    name: 'spaces around a key are ignored',
    breaks: 'keys',
    caughtBy: 'keys that differ in white space only are logs of their own and come back as they are',
    like: 'char(n) columns, PAD SPACE collations, names of files on Windows',
    spoil: (inner) => changingKeys(inner, (key) => key.trimEnd() || key),
  }),
  backendFault({
    name: 'a prefix bleeds into its neighbour',
    breaks: 'keys',
    caughtBy: 'a prefix is exact: neighbours do not match',
    like: 'an index per namespace whose separator is left out of the range',
    spoil: (inner) => ({
      keys: (prefix = '', options) =>
        inner.keys(prefix.endsWith(':') ? prefix.slice(0, -1) : prefix, options),
    }),
  }),
  backendFault({
    name: 'a prefix is a pattern of SQL',
    breaks: 'keys',
    caughtBy: 'a prefix is text: wildcards, patterns and other cases do not match',
    like: "`WHERE key LIKE ? || '%'` without an ESCAPE",
    spoil: (inner) => ({
      async *keys(prefix = '', options = {}) {
        const escaped = prefix.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
        const pattern = new RegExp(`^${escaped.replaceAll('_', '.').replaceAll('%', '.*')}`, 'su');
        let left = options.limit ?? Number.POSITIVE_INFINITY;
        for await (const entry of inner.keys('', { ...options, limit: Number.POSITIVE_INFINITY })) {
          if (pattern.test(entry.key) && left-- > 0) yield entry;
        }
      },
    }),
  }),
  backendFault({
    name: 'keys come in the order of UTF-16, though code points are claimed',
    breaks: 'keys',
    caughtBy: 'keys come in the order of their code points',
    like: '`keys.sort()`',
    spoil: (inner) => ({
      async *keys(prefix, { limit = Number.POSITIVE_INFINITY, after, ...options } = {}) {
        const found = await all(inner.keys(prefix, options));
        const sorted = found.sort((a, b) => (a.key < b.key ? -1 : 1));
        const rest = after === undefined ? sorted : sorted.filter(({ key }) => key > after);
        yield* limit === Number.POSITIVE_INFINITY ? rest : rest.slice(0, limit);
      },
    }),
  }),
  backendFault({
    name: 'a page of keys begins with the last one of the page before',
    breaks: 'keys',
    caughtBy: 'pages resume after a key, and join to the whole',
    like: '`>=` instead of `>`, `startKey` of CouchDB',
    spoil: (inner) => ({
      async *keys(prefix, { after, ...options } = {}) {
        if (after?.startsWith(prefix ?? '')) yield { key: after };
        yield* inner.keys(prefix, { ...options, ...(after !== undefined && { after }) });
      },
    }),
  }),
  backendFault({
    name: 'a limit of 0 keys is no limit',
    breaks: 'keys',
    caughtBy: 'a limit gives so many keys and no more, and 0 gives none',
    like: '`if (limit)`; LIMIT 0 of MongoDB',
    spoil: (inner) => ({
      keys: (prefix, { limit, ...options } = {}) =>
        inner.keys(prefix, limit ? { ...options, limit } : options),
    }),
  }),
  backendFault({
    name: 'deleted keys are not listed',
    breaks: 'keys',
    caughtBy: 'a key whose state was deleted stays listed, with its head',
    like: '`WHERE NOT deleted`: what was deleted cannot be erased any more',
    spoil: (inner) => ({
      async *keys(prefix, options = {}) {
        for await (const { key, head } of inner.keys(prefix, { ...options, heads: true })) {
          if (head?.deleted) continue;
          yield options.heads && head !== undefined ? { key, head } : { key };
        }
      },
    }),
  }),
  backendFault({
    name: '__proto__ is no key',
    breaks: 'keys',
    caughtBy: 'keys that mean something to JavaScript are logs of their own and come back as they are',
    like: 'a plain object as the map of what is open',
    shared: () => ({}) as Record<string, string>,
    spoil: (inner, map) =>
      changingKeys(inner, (key) => {
        // Setting the prototype to a string does nothing.
        map[key] ??= key;
        return String(map[key]);
      }),
  }),
  backendFault({
    name: 'the limit is applied before the prefix',
    breaks: 'keys',
    caughtBy: 'a limit counts those keys only that are to be listed',
    like: 'a filter over the first page: Scan of DynamoDB',
    spoil: (inner) => ({
      async *keys(prefix = '', options = {}) {
        for await (const entry of inner.keys('', options)) if (entry.key.startsWith(prefix)) yield entry;
      },
    }),
  }),
  backendFault({
    name: 'a page of keys is counted from the beginning',
    breaks: 'keys',
    caughtBy: 'a listing has each key once, whatever keys come while it is read',
    like: 'LIMIT 100 OFFSET 100',
    spoil: (inner) => ({
      async *keys(prefix, options = {}) {
        const { limit = Number.POSITIVE_INFINITY, ...rest } = options;
        if (limit < 100 || Number.isNaN(limit)) return yield* inner.keys(prefix, options);
        for (let given = 0; ; ) {
          const page = (await all(inner.keys(prefix, rest))).slice(given, Math.min(given + 100, limit));
          if (page.length === 0) return;
          yield* page;
          given += page.length;
        }
      },
    }),
  }),
  backendFault<Map<string, Checkpoint>>({
    name: 'checkpoints are kept by the id of the operation, for all keys',
    breaks: 'keys',
    caughtBy: 'a checkpoint belongs to its log, also where others hold the same ids',
    like: 'one table of snapshots under `(operation, version)`: a commit over several keys shares its id',
    shared: () => new Map(),
    spoil: (inner, kept) => ({
      checkpoint: async (key, checkpoint) => {
        await inner.checkpoint(key, checkpoint);
        const { id, version } = checkpoint;
        const [there] = await all(inner.range(key, { from: version, to: version }));
        if (there?.id === id) kept.set(`${version} ${id}`, copyOf(checkpoint));
      },
      read: async (key, options = {}) => {
        const tail = await inner.read(key, options);
        if (tail.base !== undefined || options.after !== undefined || options.limit !== undefined)
          return tail;
        const last = tail.records.findLast(({ version, id }) => kept.has(`${version} ${id}`));
        if (last === undefined) return tail;
        const records = tail.records.filter(({ version }) => version > last.version);
        return { ...tail, checkpoint: kept.get(`${last.version} ${last.id}`)!, records };
      },
    }),
  }),
];
