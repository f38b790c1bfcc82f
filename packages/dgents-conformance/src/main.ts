/** The command: reads the arguments, imports the subject, runs the kit, prints what was found. */
import { type KitReport, runAgentKit, runBackendKit, runWrapperKit } from 'dgents-core/testing';
import { badge } from './badge.js';
import { HELP, type Options, optionsOf, UsageError } from './options.js';
import { painter } from './painter.js';
import { Places } from './places.js';
import { Progress } from './progress.js';
import { markdown, scoreboard } from './scoreboard.js';
import { type LoadedSubject, loadSubject } from './subject.js';
import { type Summary, summaryOf } from './summary.js';
import { version } from './version.js';

/** Where text goes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface Surroundings {
  readonly out: Output;
  readonly err: Output;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the run; its reason is the exit code. */
  readonly signal?: AbortSignal;
}

/** Exit codes. */
export const VERIFIED = 0;
export const FAILED = 1;
export const MISUSED = 2;

/** Resolves to the exit code. */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { out, err, cwd, env, signal } = surroundings;
  const complain = (text: string): unknown => err.write(`dgents-conformance: ${text}\n`);
  try {
    const options = optionsOf(args);
    if (options.help) {
      out.write(HELP);
      return VERIFIED;
    }
    if (options.version) {
      out.write(`${version()}\n`);
      return VERIFIED;
    }
    const subject = await loadSubject(options.file, cwd, complain);
    const places = new Places();
    const report = await reportOn(watched(subject, places), options, { signal, progress: new Progress(err) });
    if (report.interrupted && subject.kind !== 'wrapper') {
      for (const problem of await places.clear(subject.subject.destroy))
        complain(`a place is left: ${problem}`);
    }
    const summary = summaryOf(report, { file: options.file, only: options.only });
    out.write(printed(summary, options.format, painter(out, env)));
    if (report.interrupted) return Number(signal?.reason);
    return summary.ok ? VERIFIED : FAILED;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    return MISUSED;
  }
}

async function reportOn(
  { kind, subject }: LoadedSubject,
  { effort, seed, only }: Options,
  { signal, progress }: { readonly signal: AbortSignal | undefined; readonly progress: Progress },
): Promise<KitReport> {
  const options = {
    ...(effort !== undefined && { effort }),
    ...(seed !== undefined && { seed }),
    ...(only !== undefined && { only }),
    ...(signal !== undefined && { signal }),
    onFact: progress.fact,
  };
  const report = await begin(() => {
    if (kind === 'agent') return runAgentKit(subject, options);
    if (kind === 'wrapper') return runWrapperKit(subject, options);
    return runBackendKit(subject, options);
  });
  progress.end();
  if (report.facts.length === 0 && !report.interrupted) {
    throw new UsageError(`no promise and no fact here is called ${JSON.stringify(only)} (--only).`);
  }
  return report;
}

/** With places that can be cleared up when the run is ended; a wrapper has its agents in memory. */
function watched(loaded: LoadedSubject, places: Places): LoadedSubject {
  if (loaded.kind === 'backend') return { ...loaded, subject: places.watched(loaded.subject) };
  if (loaded.kind === 'agent') return { ...loaded, subject: places.watched(loaded.subject) };
  return loaded;
}

/** What the kit refuses before its first fact (a seed that is none, in the environment) is a mistake in the call. */
function begin<T>(run: () => Promise<T>): Promise<T> {
  try {
    return run();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function printed(summary: Summary, format: Options['format'], paint: ReturnType<typeof painter>): string {
  if (format === 'json') return `${JSON.stringify({ ...summary, badge: badge(summary) }, null, 2)}\n`;
  if (format === 'badge') return `${JSON.stringify(badge(summary))}\n`;
  if (format === 'markdown') return markdown(summary);
  return scoreboard(summary, paint);
}
