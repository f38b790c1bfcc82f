/**
 * dgents in one program: an agent that keeps its state through a kill -9.
 *
 * Reading order: agent/reader.ts (what the agent is), worker.ts (how it works), quickstart.ts (what is shown).
 */
import { HELP, parseOptions, UsageError } from './cli.js';
import { JsonShow } from './json-show.js';
import { quickstart } from './quickstart.js';
import { WORKER } from './supervise.js';
import { Terminal } from './terminal.js';
import { TerminalShow } from './terminal-show.js';
import { work } from './worker.js';

async function main([command, ...rest]: string[]): Promise<number> {
  if (command === WORKER) {
    const [url = '', limit = ''] = rest;
    await work(url, limit === '' ? Number.POSITIVE_INFINITY : Number(limit));
    return 0;
  }
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const show = options.json ? new JsonShow(process.stdout) : new TerminalShow(new Terminal(process.stdout));
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Stopped(signal)));
  // Whoever was reading has seen enough, as `| head` does: tidy up and end.
  process.stdout.on('error', () => stop.abort(new Stopped('stdout')));
  return (await quickstart(options, show, stop.signal)) ? 0 : 1;
}

/** Ended from outside, after tidying up. */
class Stopped extends Error {}

function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return 130; // as shells count a program that was interrupted
  process.stderr.write(`quickstart: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
}

process.exitCode = await main(process.argv.slice(2)).catch(exitCodeOf);
