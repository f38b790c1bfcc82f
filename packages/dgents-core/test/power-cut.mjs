/**
 * Cuts the power of real file systems, again and again, while agents write to them; then does the same to system calls
 * (`kill-every-syscall.mjs`).
 *
 *     npm run test:power [-- --cycles=30 --fs=ext4 --only=power|syscalls --writers=SQLite --seed=1]
 *
 * Each file system lies in a file, mounted through a loop device. `xfs_io -x -c shutdown` stops it as a power cut does:
 * what was not made durable by then is gone. After mounting it again, everything acknowledged must be there where the
 * durability is `power`, and an exact prefix of what was written where it is `process`.
 *
 * Needs root, loop devices, e2fsprogs and xfsprogs; what is missing is named, and skipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const IMAGE_BYTES = 400 * 2 ** 20; // xfs wants 300 MB at least
const MAKERS = { ext4: ['mkfs.ext4', '-qF'], xfs: ['mkfs.xfs', '-qf'] };
const PACKAGES = { 'mkfs.ext4': 'e2fsprogs', 'mkfs.xfs': 'xfsprogs', xfs_io: 'xfsprogs' };

const args = process.argv.slice(2);
const option = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);

/** All write at the same time to the same file system. */
const WRITERS = [
  { title: 'update of a conversation', scenario: 'conversation' },
  { title: 'save of Maps, Sets, Dates', scenario: 'rich' },
  { title: 'eight updates at once', scenario: 'crowd' },
  { title: 'compaction', scenario: 'retained-counter' },
  { title: 'plain JSON file', scenario: 'json' },
  { title: 'creation of agents', create: true },
  { title: 'update, durability process', scenario: 'process', mayLose: true },
  { title: 'compaction, durability process', scenario: 'process-retained', mayLose: true },
  { title: 'SQLite: update', scenario: 'conversation', sqlite: 'power' },
  { title: 'SQLite: eight updates at once', scenario: 'crowd', sqlite: 'power' },
  { title: 'SQLite: trimming', scenario: 'retained', sqlite: 'power' },
  { title: 'SQLite: durability process', scenario: 'conversation', sqlite: 'process', mayLose: true },
].filter(({ title }) => title.includes(option('writers') ?? ''));

/** Of other stores: in their own packages, with the same settings and messages. */
const SQLITE_WRITER = join(HERE, '../../dgents-sql/test/workers/write.mjs');

/** A new file is begun so often, since checking takes longer with every version. */
const CYCLES_PER_FILE = 8;

const cycles = Number(option('cycles') ?? 30);
const seed = Number(option('seed') ?? Math.trunc(Math.random() * 2 ** 31));
const interactive = process.stderr.isTTY;
const random = randomFrom(seed);

const cleanups = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
process.on('exit', () => {
  for (const cleanup of cleanups) cleanup();
});

async function main() {
  let failed = false;
  if (option('only') !== 'syscalls') {
    for (const fs of Object.keys(MAKERS).filter((name) => [undefined, name].includes(option('fs')))) {
      const problem = machineProblem(fs);
      if (problem !== undefined) console.log(`SKIPPED: power cuts on ${fs}: ${problem}`);
      else if (!(await cutRepeatedly(fs))) failed = true;
    }
  }
  if (option('only') !== 'power') {
    console.log('\nEvery system call, killed and failed:');
    const { status } = spawnSync(process.execPath, [join(HERE, 'kill-every-syscall.mjs')], {
      stdio: 'inherit',
    });
    if (status !== 0) failed = true;
  }
  return failed ? 1 : 0;
}

function machineProblem(fs) {
  if (process.platform !== 'linux') return `loop devices are for Linux, this is ${process.platform}`;
  if (process.getuid() !== 0) return 'mounting needs root';
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices (/dev/loop-control)';
  const missing = [MAKERS[fs][0], 'xfs_io'].find((tool) => spawnSync(tool, ['-V']).error !== undefined);
  if (missing !== undefined) return `${missing} is missing (package ${PACKAGES[missing]})`;
  const disk = new Disk(fs);
  try {
    disk.mount();
    return undefined;
  } catch (error) {
    return `it cannot be mounted here (${error.message.trim()})`;
  } finally {
    disk.remove();
  }
}

class Disk {
  constructor(fs) {
    this.fs = fs;
    this.folder = mkdtempSync(join(tmpdir(), `dgents-power-${fs}-`));
    this.image = join(this.folder, 'image');
    this.path = join(this.folder, 'mounted');
    this.remove = this.remove.bind(this);
    cleanups.add(this.remove);
    mkdirSync(this.path);
    writeFileSync(this.image, '');
    truncateSync(this.image, IMAGE_BYTES);
    const [maker, ...flags] = MAKERS[fs];
    must(maker, [...flags, this.image]);
  }

  mount() {
    must('mount', ['-o', 'loop', this.image, this.path]);
    this.mounted = true;
  }

  cut() {
    must('xfs_io', ['-x', '-c', 'shutdown', this.path]);
  }

  unmount() {
    must('umount', [this.path]);
    this.mounted = false;
  }

  remove() {
    if (this.mounted) spawnSync('umount', ['-l', this.path]);
    this.mounted = false;
    cleanups.delete(this.remove);
    rmdirSync(this.path); // Never removes what may still be mounted.
    rmSync(this.folder, { recursive: true });
  }
}

function must(command, parameters) {
  const { status, stderr, error } = spawnSync(command, parameters, { encoding: 'utf8' });
  if (status !== 0) throw new TypeError(`${command}: ${error?.message ?? stderr}`);
}

/** Prints a table; gives whether nothing was lost. */
async function cutRepeatedly(fs) {
  const started = Date.now();
  const disk = new Disk(fs);
  const writers = WRITERS.map((writer) => ({
    ...writer,
    acked: 0,
    promised: 0,
    cuts: 0,
    total: 0,
    lost: 0,
    torn: 0,
    problems: [],
  }));
  try {
    disk.mount();
    for (let cycle = 1; cycle <= cycles; cycle++) {
      if (interactive) process.stderr.write(`\r${fs}: power cut ${cycle} of ${cycles}\x1b[K`);
      await oneCut(disk, writers, cycle);
    }
    if (cycles % CYCLES_PER_FILE !== 0) await Promise.all(writers.map((writer) => settle(writer)));
    disk.unmount();
  } finally {
    disk.remove();
    if (interactive) process.stderr.write('\r\x1b[K');
  }
  print(fs, writers, Math.round((Date.now() - started) / 1000));
  return writers.every(({ problems }) => problems.length === 0);
}

async function oneCut(disk, writers, cycle) {
  const children = writers.map((writer) => start(disk, writer, cycle));
  await Promise.all(children.map((child) => child.isWriting));
  await new Promise((resolve) => setTimeout(resolve, 20 + random() * 380));
  // A sync that is under way while the file system is stopped may return as if it had been done (Linux 6.18, ext4 and
  // xfs, one in fifteen on a busy machine): what is acknowledged from here on may be there or not.
  const before = children.map((child) => child.messages.length);
  disk.cut();
  for (const child of children) child.process.kill('SIGKILL');
  await Promise.all(children.map((child) => child.ended));
  for (const [i, child] of children.entries()) take(writers[i], child.messages, `cut ${cycle}`, before[i]);
  disk.unmount();
  disk.mount();
  if (cycle % CYCLES_PER_FILE === 0) {
    await Promise.all(writers.map((writer) => settle(writer)));
    for (const writer of writers) writer.acked = writer.promised = 0;
  }
}

/** The file that a writer has in this cycle. */
function placeOf(disk, writer, cycle) {
  const name = [writer.sqlite && `sqlite-${writer.sqlite}`, writer.scenario ?? 'created'].filter(Boolean);
  const folder = join(disk.path, `${name.join('-')}-${Math.floor((cycle - 1) / CYCLES_PER_FILE)}`);
  if (writer.sqlite) return { path: join(folder, 'state.db'), durability: writer.sqlite };
  return writer.create ? { directory: folder } : { path: join(folder, 'agent.jsonl') };
}

function start(disk, writer, cycle, more = {}) {
  writer.place = placeOf(disk, writer, cycle);
  return run(scriptOf(writer), { ...settingsOf(writer), ...more });
}

/** At least what was promised has to be there, and no more than what it said it had written, and what was in flight. */
function settingsOf({ place, scenario, acked, promised, mayLose }) {
  return { ...place, scenario, acked, oldest: mayLose ? 0 : promised };
}

function scriptOf({ sqlite, create }) {
  if (sqlite) return SQLITE_WRITER;
  return create ? 'create.mjs' : 'write.mjs';
}

/** Checks what the last cut has left, and that the next saves work. */
async function settle(writer) {
  // Beyond anything found: what was in flight may be there as well.
  const child = run(scriptOf(writer), {
    ...settingsOf(writer),
    until: writer.acked + 20,
    clockAheadMs: 120_000,
  });
  await child.ended;
  take(writer, child.messages, 'in the end');
  const closed = child.messages.find((message) => message.closed);
  if (closed === undefined)
    writer.problems.push(`in the end: the next saves do not work: ${child.complaints()}`);
  const drafts = closed?.besides?.drafts ?? [];
  writer.problems.push(...drafts.map((name) => `left over: ${name}`));
}

/** @param before how many of the messages came before the cut; undefined where there was none */
function take(writer, messages, when, before) {
  const verified = messages.find((message) => message.verified)?.verified;
  const failure = messages.find((message) => message.failed)?.failed;
  if (verified === undefined) {
    writer.problems.push(`${when}: cannot be read: ${failure?.name} ${failure?.message}`);
    return;
  }
  writer.problems.push(...verified.problems.map((problem) => `${when}: ${problem}`));
  writer.lost += Math.max(0, writer.promised - verified.version);
  writer.torn += messages.filter(({ repair }) => repair).length;
  const lastOf = (some) => some.findLast((message) => message.acked)?.acked ?? verified.version;
  writer.acked = lastOf(messages);
  writer.promised = lastOf(messages.slice(0, before));
  writer.total += writer.promised - verified.version;
  if (before === undefined) return;
  writer.cuts += 1;
  const typed = failure === undefined || /^DGENTS_(STORAGE_UNAVAILABLE|OUTCOME_UNKNOWN)$/.test(failure.code);
  if (!typed)
    writer.problems.push(`${when}: the dying disk is reported as ${failure.name}: ${failure.message}`);
}

function run(script, settings) {
  const child = spawn(process.execPath, [resolve(HERE, 'workers', script), JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const messages = [];
  let complaints = '';
  let begin;
  const isWriting = new Promise((resolve) => {
    begin = resolve;
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (!line.endsWith('}')) return; // Cut off by the kill.
    const message = JSON.parse(line);
    messages.push(message);
    if (message.verified) begin();
  });
  child.stderr.on('data', (data) => {
    complaints += data;
  });
  const ended = new Promise((resolve) => {
    lines.on('close', () => {
      begin();
      resolve();
    });
  });
  return { process: child, messages, isWriting, ended, complaints: () => complaints };
}

function print(fs, writers, seconds) {
  console.log(`\n${fs}: ${cycles} power cuts in ${seconds} s, seed ${seed}`);
  console.log(`${'writer'.padEnd(32)}   cuts  acknowledged   lost   torn  problems`);
  for (const { title, cuts, total, lost, torn, problems } of writers) {
    const columns = [
      [cuts, 6],
      [total, 13],
      [lost, 6],
      [torn, 6],
      [problems.length, 9],
    ];
    console.log(`${title.padEnd(32)} ${columns.map(([n, width]) => String(n).padStart(width)).join(' ')}`);
  }
  for (const { title, problems } of writers)
    for (const problem of problems) console.log(`PROBLEM ${title}, ${problem}`);
}

function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

process.exitCode = await main();
