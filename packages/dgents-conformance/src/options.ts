import { parseArgs } from 'node:util';
import type { EffortName } from 'dgents-core/testing';

/** The command was used wrongly: its message says what to do, and that is all that is printed. */
export class UsageError extends TypeError {
  override readonly name = 'UsageError';
}

export type Format = 'scoreboard' | 'json' | 'markdown' | 'badge';

export interface Options {
  readonly file: string;
  readonly format: Format;
  readonly effort: EffortName | undefined;
  readonly seed: number | undefined;
  readonly only: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
}

export const HELP = `Usage: dgents-conformance <module> [options]

Runs the dgents test kit on what the module exports and prints, promise by promise, what holds.

The module is JavaScript and exports, by name or as its default:
  a backend   { name, claims, create, open, destroy, … }                 BackendSubject of dgents-core/testing
  an agent    { kind: 'agent', name, claims, create, open, destroy, … }  AgentSubject
  a wrapper   { kind: 'wrapper', name, claims, wrap, … }                 WrapperSubject

  --only <text>      only the promise of this name, or the facts with this text in their name
  --effort <effort>  ci (the default) or long
  --seed <number>    repeats the random choices of an earlier run
  --json             everything, for programs
  --markdown         a table, for a README or the summary of a CI job
  --badge            an endpoint for shields.io
  --help, --version

Exit code: 0 nothing failed of what was run, 1 something failed, 2 the command was used wrongly or the module ended the
process, 130 or 143 the run was ended by SIGINT or SIGTERM (it prints what it has found, and clears up).
DGENTS_KIT_EFFORT, DGENTS_KIT_SEED and NO_COLOR are respected.
`;

/** @throws UsageError */
export function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parsed(args);
  const { effort, seed, only, help = false, version = false } = values;
  const formats = (['json', 'markdown', 'badge'] as const).filter((name) => values[name] === true);
  if (formats.length > 1) throw new UsageError(`--${formats.join(' and --')} cannot be printed together.`);
  if (effort !== undefined && effort !== 'ci' && effort !== 'long') {
    throw new UsageError(`--effort is ci or long, not ${JSON.stringify(effort)}.`);
  }
  if (only === '')
    throw new UsageError('--only wants the name of a promise, or a part of the name of a fact.');
  const [file = '', ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one module at a time, not also ${more.join(', ')}.`);
  if (file === '' && !help && !version) {
    throw new UsageError('which module? dgents-conformance ./my-backend.js (more with --help)');
  }
  return { file, format: formats[0] ?? 'scoreboard', effort, seed: seedOf(seed), only, help, version };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        markdown: { type: 'boolean' },
        badge: { type: 'boolean' },
        effort: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
  } catch (error) {
    // What follows the first sentence is advice about arguments that start with a dash.
    const [message] = (error as Error).message.split('. ');
    throw new UsageError(`${message}. See --help.`);
  }
}

function seedOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seed = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(seed)) {
    throw new UsageError(`--seed is a whole number, not ${JSON.stringify(text)}.`);
  }
  return seed;
}
