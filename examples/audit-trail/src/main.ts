#!/usr/bin/env node
/**
 * The history of a repository as an event stream.
 *
 * Reading order: history.ts (the events), importing.ts (how they get in), models/ (what is made of them), projecting.ts (how
 * that is kept), past.ts (how it was).
 */
import { DgentsError } from 'dgents-core';
import { HELP, type Options, parseOptions } from './cli.js';
import { AuditError, UsageError } from './errors.js';
import { Repository } from './git/repository.js';
import { importHistory } from './importing.js';
import { modelsAt, momentOf } from './past.js';
import { type Answer, authorsAnswer, filesAnswer, hotspotsAnswer } from './report.js';
import { Progress } from './terminal.js';
import { plural } from './text.js';
import { Trail } from './trail.js';

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseOptions(args);
  if (options.command === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const { json, lines } = await answer(options, signal);
  process.stdout.write(
    options.json ? `${JSON.stringify(json)}\n` : lines.map((line) => `${line}\n`).join(''),
  );
  return 0;
}

async function answer(options: Options, signal: AbortSignal): Promise<Answer> {
  if (options.command === 'import') return imported(options, signal);
  await using trail = await Trail.open(options.store, { create: false });
  const { stream } = trail;
  if (options.command === 'at') {
    const moment = await momentOf(stream, options.where);
    const { hotspots } = await modelsAt(stream, moment.version);
    return hotspotsAnswer(hotspots, options, moment);
  }
  const { version } = await stream.read();
  if (options.command === 'status') return { json: { version }, lines: [`version ${version}`] };
  const models = await modelsAt(stream, version);
  if (options.command === 'authors') return authorsAnswer(models.authors, options);
  if (options.command === 'files') return filesAnswer(models.files, options);
  return hotspotsAnswer(models.hotspots, options);
}

async function imported({ repo, store, batch }: Options, signal: AbortSignal): Promise<Answer> {
  const repository = await Repository.open(repo);
  await repository.head(); // before a store is made for nothing
  await using trail = await Trail.open(store, { create: true });
  const progress = new Progress(process.stderr);
  try {
    const { added, version, head } = await importHistory(repository, trail.stream, {
      batch,
      signal,
      onProgress: (done, total) => progress.show('importing', done, total),
    });
    return {
      json: { added, version, head, store },
      lines: [`${plural(added, 'commit')} added: version ${version}, up to ${head.slice(0, 12)}.`],
    };
  } finally {
    progress.clear();
  }
}

/** Ended from outside, between two appends. */
class Stopped extends Error {}

function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return 130; // as shells count a program that was interrupted
  if (error instanceof UsageError || error instanceof AuditError) {
    process.stderr.write(`audit-trail: ${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
  const advice = DgentsError.is(error) && error.retryable ? ' Run it again: nothing is stored twice.' : '';
  process.stderr.write(`audit-trail: ${error instanceof Error ? error.message : String(error)}${advice}\n`);
  return 1;
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new Stopped(signal)));
process.stdout.on('error', () => process.exit()); // whoever was reading has seen enough, as `| head` does

process.exitCode = await main(process.argv.slice(2), stop.signal).catch(exitCodeOf);
