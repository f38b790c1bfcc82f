import type { Backend, Meta } from '../../../backend.js';
import { backendFault, type Spoiled } from '../spoiled-backend.js';
import { changingReads, changingText, changingValues, changingWrites } from '../through.js';

const LONGEST_BLOB = 65_535;

export const valueFaults = [
  backendFault({
    name: 'values over 64 KiB are cut',
    breaks: 'values',
    caughtBy: 'lengths around powers of two come back whole, in characters and in bytes',
    like: 'a BLOB or TEXT column of MySQL outside strict mode',
    spoil: (inner) => changingText(inner, (text) => text.slice(0, LONGEST_BLOB)),
  }),
  backendFault({
    name: 'a falsy value reads as missing',
    breaks: 'values',
    caughtBy: 'zero: the text comes back as it was, by every way of reading',
    like: '`if (!value) return undefined` in nearly every cache',
    spoil: (inner) =>
      changingReads(inner, (tail) => {
        const last = tail.records.at(-1);
        const missing = last?.kind === 'set' && !JSON.parse(last.data);
        return missing ? { head: null, floor: 0, since: tail.since, records: [], more: false } : tail;
      }),
  }),
  backendFault({
    name: 'numbers are parsed and written anew',
    breaks: 'values',
    caughtBy: 'numbers in other notations: the text comes back as it was, by every way of reading',
    like: '`JSON.stringify(JSON.parse(text))` on the way to a jsonb column: 1.0 becomes 1',
    spoil: (inner) =>
      changingText(inner, (text) => (/\d/.test(text) ? JSON.stringify(JSON.parse(text)) : text)),
  }),
  backendFault({
    name: 'text is stored as latin1',
    breaks: 'values',
    caughtBy: 'characters that need no escape: the text comes back as it was, by every way of reading',
    like: 'a database made with the encoding of its server, `Buffer.from(text, "binary")`',
    spoil: (inner) => changingText(inner, (text) => Buffer.from(text, 'latin1').toString('latin1')),
  }),
  backendFault({
    name: 'escapes of lone surrogates become replacement characters',
    breaks: 'values',
    caughtBy: 'lone surrogates as escapes: the text comes back as it was, by every way of reading',
    like: 'any trip through UTF-8 after a parse: TextEncoder, Python, Go',
    spoil: (inner) => changingText(inner, (text) => text.replaceAll(/\\ud[89a-f][0-9a-f]{2}/gi, '\ufffd')),
  }),
  backendFault({
    name: 'the names of an object are sorted',
    breaks: 'values',
    caughtBy: 'the order and repetition of names: the text comes back as it was, by every way of reading',
    like: 'jsonb of Postgres, canonical JSON',
    spoil: (inner) => changingValues(inner, sorted),
  }),
  backendFault({
    name: 'an empty object comes back as an empty array',
    breaks: 'values',
    caughtBy: 'an empty object: the text comes back as it was, by every way of reading',
    like: 'cjson in a Lua script of Redis; PHP',
    spoil: (inner) => changingText(inner, (text) => text.replaceAll('{}', '[]')),
  }),
  backendFault({
    name: '__proto__ is left out',
    breaks: 'values',
    caughtBy:
      'names that mean something to JavaScript: the text comes back as it was, by every way of reading',
    like: 'a parser hardened against prototype pollution: secure-json-parse, destr',
    spoil: (inner) =>
      changingText(inner, (text) =>
        text.includes('"__proto__"')
          ? JSON.stringify(JSON.parse(text, (name, value) => (name === '__proto__' ? undefined : value)))
          : text,
      ),
  }),
  backendFault({
    name: 'meta is dropped',
    breaks: 'values',
    caughtBy: 'any meta, codec and schema comes back as it was, and is absent where it was',
    like: 'a table made before there was meta',
    spoil: (inner) => changingWrites(inner, ({ meta: _, ...rest }) => rest as never),
  }),
  backendFault({
    name: 'codec and schema are dropped from a base',
    breaks: 'values',
    caughtBy: 'codec, schema and meta of a checkpoint and of a base come back as they were',
    like: 'a snapshot table with the state and nothing else',
    spoil: (inner) => ({
      trim: (key, { codec: _, schema: __, ...base }) => inner.trim(key, base),
    }),
  }),
  backendFault({
    name: 'ids are cut at 128 characters',
    breaks: 'values',
    caughtBy: 'ids in the words of other languages come back as they are',
    like: 'varchar(128)',
    spoil: (inner) => changingWrites(inner, (stored) => ({ ...stored, id: stored.id.slice(0, 128) })),
  }),
  backendFault({
    name: 'a schema version has 16 bits',
    breaks: 'values',
    caughtBy: 'a schema version may be any whole number, such as a date',
    like: 'SMALLINT outside strict mode; Int16Array',
    spoil: (inner) =>
      changingWrites(inner, (stored) =>
        stored.schema === undefined ? stored : { ...stored, schema: stored.schema & 0xffff },
      ),
  }),
  backendFault({
    name: 'meta is cut at 20 levels',
    breaks: 'values',
    caughtBy: 'meta may be as deep as it may be',
    like: 'maps in Firestore; BSON libraries with a limit of their own',
    spoil: (inner) => changingMeta(inner, (meta) => cut(meta, 20)),
  }),
  backendFault({
    name: 'names in meta are sorted',
    breaks: 'values',
    caughtBy: 'the names in meta keep their order',
    like: 'a jsonb column beside a text column',
    spoil: (inner) =>
      changingMeta(inner, (meta) =>
        Object.fromEntries(Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1))),
      ),
  }),
  backendFault({
    name: 'a text is made once to weigh it, and once to keep it',
    breaks: 'values',
    caughtBy: 'a text that is made when it is asked for is asked for once',
    like: '`Buffer.byteLength(record.data)` beside the write',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        for (const { records } of appends) for (const { data } of records) Buffer.byteLength(data);
        return inner.commit(appends, options);
      },
    }),
  }),
];

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function changingMeta(inner: Backend, change: (meta: Meta) => Meta): Spoiled {
  return changingWrites(inner, (stored) =>
    stored.meta === undefined ? stored : { ...stored, meta: change(stored.meta) },
  );
}

/** Without what lies deeper. */
function cut(value: Meta, depth: number): Meta;
function cut(value: unknown, depth: number): unknown;
function cut(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((each) => cut(each, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cut(each, depth - 1)]));
}
