/** The results for programs: one JSON document on standard output, and nothing before it. */
import { growthOf, median, type Travel } from './history.js';
import type { Results, Show } from './quickstart.js';

export class JsonShow implements Show {
  private results: Results | undefined;

  constructor(private readonly stream: NodeJS.WritableStream) {}

  begins(): void {}
  read(): void {}
  killed(): void {}
  resumed(): void {}
  looksBack(): void {}

  ends(results: Results): void {
    this.results = results;
  }

  bye(url: string, kept: boolean): void {
    if (this.results === undefined) return;
    const document = { ...summary(this.results), store: kept ? url : null };
    this.stream.write(`${JSON.stringify(document, null, 2)}\n`);
  }
}

function summary({ addresses, run, equal, now, past, cost, ms }: Results) {
  const { state, version } = now;
  const { startedAt, killed, resumedAt, stepsMs } = run;
  return {
    addresses,
    startedAt,
    killed: killed === undefined ? null : { signal: 'SIGKILL', acknowledged: killed.acknowledged },
    resumed: resumedAt === undefined ? null : { addresses: resumedAt.read, version: resumedAt.version },
    equal,
    version,
    presidents: Object.keys(state.presidents).length,
    words: state.log.reduce((total, { words }) => total + words, 0),
    vocabulary: state.words.size,
    past: summaryOfPast(past),
    cost,
    stepMs: { median: median(stepsMs), max: Math.max(0, ...stepsMs) },
    ms,
    growth: growthOf(state).map(({ x, y }) => ({ year: x, vocabulary: y })),
  };
}

const summaryOfPast = ({ words, ...facts }: Travel) => ({ ...facts, words: words.size });
