#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { MISUSED, main } from './main.js';
import { ownFrame } from './origin.js';

let isOver = false;
let isIdle = false;
process.on('beforeExit', () => {
  isIdle = true;
});
// What is tested may end the process, or leave it with nothing to wait for: that must not pass for a good end.
process.on('exit', (code) => {
  if (isOver) return;
  const place = ownFrame(new Error('where the process is ended'));
  const where = place === undefined ? '' : ` at ${place}`;
  const why = isIdle ? 'something awaits what never comes' : `it was ended with code ${code}${where}`;
  writeSync(2, `dgents-conformance: the process ends before the run is over: ${why}.\n`);
  process.exitCode = MISUSED;
});

const ending = new AbortController();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait for anything.
    if (ending.signal.aborted) end(code);
    ending.abort(code);
  });
}

end(
  await main(process.argv.slice(2), {
    out: process.stdout,
    err: process.stderr,
    cwd: process.cwd(),
    env: process.env,
    signal: ending.signal,
  }),
);

/** What a backend left running must not keep a finished run from ending; what was written has to arrive first. */
function end(code: number): void {
  isOver = true;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
