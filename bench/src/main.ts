/**
 * Measures dgents beside the raw drivers and beside peers, in one run.
 *
 *     npm run bench [-- sqlite postgres pglite conversation streams replays …] [--quick] [--json]
 */
import { cpus, loadavg } from 'node:os';
import { conversation } from './conversation.js';
import { pglite } from './pglite.js';
import { postgres } from './postgres.js';
import { redis } from './redis.js';
import { replays } from './replays.js';
import { asData, asText } from './report.js';
import { sqlite } from './sqlite.js';
import { streams } from './streams.js';
import type { Effort, Suite } from './suite.js';

const SUITES: Readonly<Record<string, Suite>> = {
  sqlite,
  postgres,
  pglite,
  redis,
  conversation,
  streams,
  replays,
};

async function main(args: readonly string[]): Promise<number> {
  const quick = args.includes('--quick');
  const json = args.includes('--json');
  const wanted = args.filter((arg) => !arg.startsWith('-'));
  const unknown = wanted.find((name) => !(name in SUITES));
  if (unknown !== undefined) {
    process.stderr.write(`There is no "${unknown}". There are: ${Object.keys(SUITES).join(', ')}\n`);
    return 1;
  }
  const effort: Effort = { quick, progress };
  const blocks: object[] = [];
  if (!json) process.stdout.write(`${machine()}\n\n`);
  for (const [name, suite] of Object.entries(SUITES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    for await (const block of suite(effort)) {
      if (json) blocks.push(asData(block));
      else process.stdout.write(`${asText(block)}\n`);
    }
  }
  if (json) process.stdout.write(`${JSON.stringify({ machine: machine(), quick, blocks }, null, 2)}\n`);
  return 0;
}

/** Only for somebody who watches: a line that is written over. */
function progress(block: string): (share: number) => void {
  if (!process.stderr.isTTY || !process.stdout.isTTY) return () => undefined;
  return (share) => {
    process.stderr.write(share >= 1 ? '\r\x1b[K' : `\r${block} ${Math.round(share * 100)} %`);
  };
}

function machine(): string {
  const load = loadavg()[0]!.toFixed(1);
  return `Node ${process.versions.node}, ${cpus().length} processors, load ${load} at the start; medians, quartiles in brackets; trust the ratios`;
}

process.exitCode = await main(process.argv.slice(2));
