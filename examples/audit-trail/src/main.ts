#!/usr/bin/env node
/**
 * The history of a repository as an event stream.
 *
 * Reading order: history.ts (the events), importing.ts (how they get in), models/ (what is made of them), projecting.ts (how
 * that is kept), past.ts (how it was).
 */
import { DgentsError, type Store } from 'dgents-core';
import { type Command, HELP, type Options, parseOptions } from './cli.js';
import { AuditError, UsageError } from './errors.js';
import { Repository } from './git/repository.js';
import type { History } from './history.js';
import { importHistory } from './importing.js';
import type { Models } from './models/models.js';
import { modelsAt, momentOf } from './past.js';
import { modelOf, project, statuses } from './projecting.js';
import { type Answer, authorsAnswer, filesAnswer, hotspotsAnswer, statusAnswer, upTo } from './report.js';
import { Progress } from './terminal.js';
import { plural } from './text.js';
import { Trail } from './trail.js';

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { command, ...options } = parseOptions(args);
  if (command === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const { json, lines } = await answer(command, options, signal);
  process.stdout.write(
    options.json ? `${JSON.stringify(json)}\n` : lines.map((line) => `${line}\n`).join(''),
  );
  return 0;
}

type Given = Omit<Options, 'command'>;

async function answer(command: Command, options: Given, signal: AbortSignal): Promise<Answer> {
  if (command === 'import') return imported(options, signal);
  await using trail = await Trail.open(options.store, { create: false });
  const { store, stream } = trail;
  if (command === 'at') {
    const moment = await momentOf(stream, options.where);
    return hotspotsAnswer((await modelsAt(stream, moment.version)).hotspots, options, moment);
  }
  const now = await stream.read();
  if (command === 'status') {
    return statusAnswer(now, await statuses(store), await missing(options, now.state));
  }
  return await modelAnswer(command, options, store, now.version); // before the trail is closed
}

async function modelAnswer(
  name: keyof Models,
  options: Given,
  store: Store,
  newest: number,
): Promise<Answer> {
  switch (name) {
    case 'authors': {
      const { state, streamVersion } = await modelOf(store, name);
      return upTo(authorsAnswer(state, options), streamVersion, newest);
    }
    case 'files': {
      const { state, streamVersion } = await modelOf(store, name);
      return upTo(filesAnswer(state, options), streamVersion, newest);
    }
    case 'hotspots': {
      const { state, streamVersion } = await modelOf(store, name);
      return upTo(hotspotsAnswer(state, options), streamVersion, newest);
    }
  }
}

async function imported({ repo, store, batch }: Given, signal: AbortSignal): Promise<Answer> {
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
    await project(trail.store, {
      batch,
      signal,
      onProgress: (done, total) => progress.show('projecting', done, total),
    });
    return {
      json: { added, version, head, store },
      lines: [`${plural(added, 'commit')} added: version ${version}, up to ${head.slice(0, 12)}.`],
    };
  } finally {
    progress.clear();
  }
}

/** How many commits of the repository are not in the stream; undefined where there is no repository to look at. */
async function missing({ repo }: Given, { tips }: History): Promise<number | undefined> {
  try {
    const repository = await Repository.open(repo);
    const head = await repository.head();
    return (await repository.strayOf(tips, head)) === undefined
      ? await repository.count(head, tips)
      : undefined;
  } catch (error) {
    if (error instanceof AuditError) return undefined;
    throw error;
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
