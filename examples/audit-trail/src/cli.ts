/** The command line: what may be asked for, and what to say when it is something else. */
import { parseArgs } from 'node:util';
import { UsageError } from './errors.js';
import { shown } from './git/text.js';

export const COMMANDS = ['import', 'authors', 'files', 'hotspots', 'at', 'status'] as const;
export type Command = (typeof COMMANDS)[number];

export interface Options {
  readonly command: Command | 'help';
  /** Of `at`. */
  readonly where: string;
  readonly repo: string;
  /** A file. */
  readonly store: string;
  readonly json: boolean;
  readonly emails: boolean;
  readonly limit: number;
  /** Of `import`: commits stored by one write. */
  readonly batch: number;
}

export const HELP = `Usage: audit-trail <command> [options]

The git history of a repository as an event stream, and what can be made of it.

  import          add the commits of HEAD that are not in the stream yet; may
                  be killed at any time, and goes on where it was
  authors         who committed how much
  files           what became of each file
  hotspots        files that change much, lately, by many hands
  at <where>      the hot spots as they were at a version of the stream (17),
                  a commit (1a2b3c4) or a time (2026-01-31)
  status          versions, and how far the projections are behind

  --repo <path>   the repository; the folder you are in unless given
  --store <file>  an SQLite file, one for each repository; ./audit-trail.db
                  unless given
  --limit <n>     rows; 20 unless given
  --batch <n>     commits stored by one write of an import; 100 unless given
  --emails        show the addresses of authors, too
  --json          print one JSON document on standard output, nothing else
  --help          print this
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parsed(args);
  const {
    repo = '.',
    store = 'audit-trail.db',
    limit = '20',
    batch = '100',
    json = false,
    emails = false,
  } = values;
  const [command, where = '', ...more] = positionals;
  const rest = { where, repo, store, json, emails, limit: Number(limit), batch: Number(batch) };
  if (values.help === true || command === 'help') return { ...rest, command: 'help' };
  if (command === undefined) throw new UsageError(`What is to be done? ${known()}`);
  if (!isCommand(command)) throw new UsageError(`There is no command "${shown(command)}". ${known()}`);
  if (command === 'at' && where === '') {
    throw new UsageError('`at` takes a version (17), a hash (1a2b3c4) or a time (2026-01-31).');
  }
  const extra = command === 'at' ? more[0] : positionals[1];
  if (extra !== undefined) throw new UsageError(`\`${command}\` takes no "${shown(extra)}".`);
  for (const [name, value] of Object.entries({ limit, batch })) {
    if (/^[1-9]\d{0,8}$/.test(value)) continue;
    throw new UsageError(`--${name} takes a whole number from 1 on, not "${shown(value)}".`);
  }
  for (const [name, value] of Object.entries({ repo, store })) {
    if (value === '' || value.includes('\0')) throw new UsageError(`--${name} takes a path.`);
  }
  if (/^[a-z][a-z0-9+.-]+:/i.test(store)) {
    throw new UsageError(
      `--store takes the path of a file, such as ./audit-trail.db, not the URL "${shown(store)}".`,
    );
  }
  return { ...rest, command };
}

function isCommand(text: string): text is Command {
  return (COMMANDS as readonly string[]).includes(text);
}

function known(): string {
  return `The commands are ${COMMANDS.join(', ')}; --help says what they do.`;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        repo: { type: 'string' },
        store: { type: 'string' },
        limit: { type: 'string' },
        batch: { type: 'string' },
        json: { type: 'boolean' },
        emails: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(
      `${sentence.replace(/\.$/, '')}. The options are --repo, --store, --limit, --batch, --emails, --json and --help.`,
    );
  }
}
