/** The command line: what may be asked for, and what to say when it is something else. */
import { parseArgs } from 'node:util';

export interface Options {
  /** Where the agent's state lies; a temporary folder, removed at the end, unless given. */
  readonly store: string | undefined;
  readonly json: boolean;
  readonly keep: boolean;
  readonly help: boolean;
  /** Read only so many addresses; for tests. */
  readonly limit: number;
}

export const HELP = `Usage: npm run quickstart [-- options]

An agent reads the State of the Union addresses one by one. It works in a child
process which is killed with SIGKILL half way and started again. Then its
history is looked at.

  --store <url>   keep the state there, in file:./state for example, and go on
                  with an earlier run that was interrupted; a temporary folder
                  unless given
  --keep          do not remove the temporary folder at the end
  --json          print the results as JSON on standard output, nothing else
  --help          print this
`;

/** The command line was not understood; the message says what to do. */
export class UsageError extends Error {}

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const { store, json = false, keep = false, help = false, limit } = parsed(args);
  if (store !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(store)) {
    throw new UsageError(
      `--store takes a URL that begins with its scheme, such as file:./state, not "${store}".`,
    );
  }
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit)) {
    throw new UsageError(`--limit takes a whole number from 1 on, not "${limit}".`);
  }
  return { store, json, keep, help, limit: limit === undefined ? Number.POSITIVE_INFINITY : Number(limit) };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        store: { type: 'string' },
        json: { type: 'boolean' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        limit: { type: 'string' },
      },
    }).values;
  } catch (error) {
    // Node's message names the flag, and goes on about how to pass positional arguments: none are taken here.
    const [sentence = ''] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(
      `${sentence.replace(/\.$/, '')}. The options are --store <url>, --keep, --json and --help.`,
    );
  }
}
