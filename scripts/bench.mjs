/**
 * `npm run bench`: what dgents costs beside raw drivers and beside peers.
 *
 *     npm run bench [-- sqlite postgres pglite conversation] [--quick] [--json]
 *
 * The peers are installed when this is first run, into `bench/` alone: nothing else needs them.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { node, nodeInherit, npm, ROOT, Stop, step } from './run.mjs';

const FOLDER = join(ROOT, 'bench');
const STAMP = join(FOLDER, 'node_modules/.dgents-bench');

async function main(args) {
  const report = args.includes('--json') ? process.stderr : process.stdout; // stdout is the figures' then
  try {
    const lock = createHash('sha256').update(fs.readFileSync(join(FOLDER, 'package-lock.json')));
    const wanted = `${lock.digest('hex')} ${process.platform}-${process.arch}-${process.versions.modules}`;
    if (!fs.existsSync(STAMP) || fs.readFileSync(STAMP, 'utf8') !== wanted) {
      const install = () => npm(['ci'], { cwd: FOLDER });
      await step(
        report,
        'installing the peers to compare with (npm ci in bench)',
        install,
        'What npm said is above.',
      );
      fs.writeFileSync(STAMP, wanted);
    }
    const build = await node(['node_modules/typescript/bin/tsc', '-p', 'bench']);
    if (build.code !== 0) throw new Stop(`bench does not compile\n${build.output}`);
    return await nodeInherit(['bench/dist/main.js', ...args]);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    process.stderr.write(`dgents: ${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
