/**
 * Kills a process at every system call that a file sees, and fails every one of them, once and for ever.
 *
 *     node packages/dgents-core/test/kill-every-syscall.mjs [--quick] [--json] [--only=<work>]
 *
 * Needs Linux and strace. For each kind of work it first counts the calls, then runs it once for each of them with
 * `strace -e inject`. A killed run must leave the last acknowledged state or the one in flight. A failed one must
 * reject with a typed error, leave the previous state (byte for byte, unless the error says that it is unknown), and
 * the same handle must work once the fault is gone. After each, the next save must work and nothing be left over.
 *
 * strace counts calls by thread and kind, so libuv gets one thread and no io_uring.
 */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WORKERS = join(dirname(fileURLToPath(import.meta.url)), 'workers');
const ENVIRONMENT = { ...process.env, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' };

/** Runs at the same time; most of each is the start of a process. */
const LANES = 2;

/** The calls that change what a disk holds, and those that open. Stat and read change nothing. */
const CALLS = [
  ...[
    'openat',
    'write',
    'pwrite64',
    'writev',
    'pwritev',
    'ftruncate',
    'fallocate',
    'fsync',
    'fdatasync',
    'sync_file_range',
  ],
  ...[
    'rename',
    'renameat',
    'renameat2',
    'link',
    'linkat',
    'unlink',
    'unlinkat',
    'mkdir',
    'mkdirat',
    'fcntl',
    'close',
  ],
];

/** What each kind of call fails with. */
const FAULTS = {
  openat: ['EMFILE', 'EIO'],
  write: ['EIO', 'ENOSPC'],
  pwrite64: ['EIO', 'ENOSPC'],
  ftruncate: ['EIO'],
  fsync: ['EIO', 'ENOSPC'],
  fdatasync: ['EIO', 'ENOSPC'],
  rename: ['EIO', 'ENOSPC'],
  link: ['EIO', 'ENOSPC'],
  unlink: ['EIO'],
  mkdir: ['ENOSPC'],
  fcntl: ['EIO'],
};

/** `versions` are there when the work begins; it then writes `writes` more. */
const WORKS = {
  create: { scenario: 'conversation', versions: 0, writes: 2 },
  update: { scenario: 'conversation', versions: 5, writes: 2 },
  save: { scenario: 'rich', versions: 5, writes: 2 },
  checkpoint: { scenario: 'whole', versions: 9, writes: 4 },
  compaction: { scenario: 'retained-counter', versions: 5, writes: 6 },
  'torn tail': { scenario: 'conversation', versions: 5, writes: 2, torn: true },
  'process compaction': { scenario: 'process-retained', versions: 25, writes: 6 },
  'plain file, new': { scenario: 'json', versions: 0, writes: 2 },
  'plain file': { scenario: 'json', versions: 5, writes: 2 },
};
const QUICK = ['create', 'update', 'compaction'];

export function straceProblem() {
  if (process.platform !== 'linux') return `strace injects faults on Linux only, this is ${process.platform}`;
  const { status, error } = spawnSync('strace', [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'inject=fsync:error=EIO',
    'true',
  ]);
  if (error?.code === 'ENOENT') return 'strace is not installed';
  return status === 0 ? undefined : 'strace may not trace here (ptrace is restricted), or knows no inject';
}

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const only = args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);
const interactive = process.stderr.isTTY;

const problem = straceProblem();
if (problem !== undefined) {
  console.log(`SKIPPED: kill and fail every system call: ${problem}`);
} else {
  const root = mkdtempSync(join(tmpdir(), 'dgents-syscalls-'));
  try {
    process.exitCode = await main(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function main(root) {
  const started = Date.now();
  const names = Object.keys(WORKS).filter((name) => (only ? name === only : !quick || QUICK.includes(name)));
  const results = [];
  for (const name of names) results.push(await playAll(root, name, WORKS[name]));
  const problems = results.flatMap((result) => result.problems);
  const runs = results.reduce((sum, { kills, faults }) => sum + kills + faults, 0);
  if (args.includes('--json')) {
    console.log(JSON.stringify({ runs, problems, results }));
  } else {
    console.log('work                 calls  killed  failed  problems');
    for (const { name, calls, kills, faults, problems } of results) {
      const columns = [calls, kills, faults, problems.length].map((n) => String(n).padStart(7)).join(' ');
      console.log(`${name.padEnd(18)} ${columns}`);
    }
    for (const problem of problems) console.log(`PROBLEM ${problem}`);
    console.log(
      `${runs} runs in ${Math.round((Date.now() - started) / 1000)} s, ${problems.length} problems`,
    );
  }
  return problems.length === 0 ? 0 : 1;
}

async function playAll(root, name, work) {
  const template = join(root, `${name}-template`);
  await prepare(template, work);
  const counted = await count(join(root, `${name}-count`), template, work);
  const plays = [];
  for (const [call, times] of counted) {
    for (let n = 1; n <= times; n++) plays.push({ call, inject: `signal=SIGKILL:when=${n}`, kill: true });
    for (const error of FAULTS[call] ?? []) {
      for (let n = 1; n <= times; n++) plays.push({ call, inject: `error=${error}:when=${n}`, error });
      plays.push({ call, inject: `error=${error}:when=1+`, error, forever: true });
    }
  }
  // What cannot be written, and cannot be taken back either.
  plays.push({ call: 'pwrite64,ftruncate', inject: 'error=EIO:when=1+', error: 'EIO', forever: true });
  plays.push({ call: 'pwrite64,ftruncate', inject: 'error=EIO:when=1', error: 'EIO' });
  plays.push({
    call: 'fsync,fdatasync,ftruncate,unlink',
    inject: 'error=EIO:when=1+',
    error: 'EIO',
    forever: true,
  });
  const chosen = quick ? plays.filter((_, i) => i % 5 === 0) : plays;
  const problems = [];
  let next = 0;
  const lane = async () => {
    while (next < chosen.length) {
      const i = next++;
      if (interactive) process.stderr.write(`\r${name}: ${i + 1} of ${chosen.length}\x1b[K`);
      const directory = join(root, `${name}-${i}`);
      const found = await play(directory, template, work, chosen[i]);
      problems.push(...found.map((text) => `${name}, ${chosen[i].call}:${chosen[i].inject}: ${text}`));
      rmSync(directory, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (interactive) process.stderr.write('\r\x1b[K');
  const calls = counted.reduce((sum, [, times]) => sum + times, 0);
  const kills = chosen.filter(({ kill }) => kill).length;
  return { name, calls, kills, faults: chosen.length - kills, problems };
}

function fileIn(directory) {
  return join(directory, 'deep', 'agent.jsonl');
}

async function prepare(directory, { scenario, versions, torn }) {
  mkdirSync(directory, { recursive: true });
  if (versions === 0) return;
  const path = fileIn(directory);
  const { messages } = await run('write.mjs', { path, scenario, until: versions });
  if (messages.at(-1)?.closed !== true)
    throw new TypeError(`cannot prepare: ${JSON.stringify(messages.at(-1))}`);
  if (torn) {
    const lines = readFileSync(path, 'latin1').split('\n');
    appendFileSync(path, lines.at(-2).slice(0, 20)); // The beginning of a line, as a kill in the middle of it leaves it.
  }
}

/** How often each call is made in an undisturbed run, by the thread that makes it most. */
async function count(directory, template, work) {
  cpSync(template, directory, { recursive: true });
  const log = join(directory, 'strace.log');
  const { messages } = await step(directory, work, ['-o', log, '-e', `trace=${CALLS.join(',')}`]);
  if (messages.at(-1)?.closed !== true) throw new TypeError(`undisturbed: ${JSON.stringify(messages)}`);
  const byThread = new Map();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (call !== undefined) byThread.set(`${thread} ${call}`, (byThread.get(`${thread} ${call}`) ?? 0) + 1);
  }
  const most = new Map();
  for (const [key, times] of byThread) {
    const call = key.split(' ')[1];
    most.set(call, Math.max(most.get(call) ?? 0, times));
  }
  rmSync(directory, { recursive: true });
  return [...most];
}

async function play(directory, template, work, { call, inject, kill, forever, error }) {
  cpSync(template, directory, { recursive: true });
  const path = fileIn(directory);
  const before = existsSync(path) ? readFileSync(path) : undefined;
  const tries = kill ? 1 : forever ? 2 : 3;
  const calls = call.split(',');
  const injections = calls.flatMap((name) => ['-e', `inject=${name}:${inject}`]);
  const ended = await step(directory, work, ['-o', '/dev/null', '-e', `trace=${call}`, ...injections], tries);
  const { messages, signal, code, complaints } = ended;
  const failures = messages.flatMap(({ failed }) => (failed ? [failed] : []));
  const acks = messages.flatMap(({ acked }) => (acked ? [acked] : []));
  const acked = acks.at(-1) ?? work.versions;
  const problems = [];
  let inFlight = 1;
  if (kill) {
    if (signal !== 'SIGKILL' && code !== 137 && code !== 0)
      problems.push(`ended with ${code}: ${complaints}`);
  } else {
    if (code !== 0) problems.push(`the process died (${code ?? signal}): ${complaints}`);
    if (messages.at(-1)?.closed !== true) problems.push('did not come to an end');
    problems.push(...badFailures(failures, error));
    if (!forever && acks.length !== work.writes) {
      problems.push(`the same handle does not work after one fault: ${JSON.stringify(failures)}`);
    }
    if (!failures.some(isUnknown)) inFlight = 0;
    const touched =
      before !== undefined && acks.length === 0 && !work.torn && !readFileSync(path).equals(before);
    if (inFlight === 0 && touched) problems.push('the write failed and the file is another');
  }
  problems.push(...(await check(path, work, acked, inFlight)));
  return problems;
}

function isUnknown({ code }) {
  return code === 'DGENTS_OUTCOME_UNKNOWN';
}

/** Each failure must be typed, and name the cause; full disks must be told from broken ones. */
function badFailures(failures, error) {
  return failures.flatMap(({ operation, code, cause, message }) => {
    const typed = /^DGENTS_STORAGE_(FULL|UNAVAILABLE)$|^DGENTS_OUTCOME_UNKNOWN$/.test(code ?? '');
    if (!typed) return [`${operation} rejects with ${code} ${message}`];
    if (isUnknown({ code })) return [];
    if (cause !== error) return [`${operation}: ${code} has the cause ${cause}: ${message}`];
    return (code === 'DGENTS_STORAGE_FULL') === (error === 'ENOSPC')
      ? []
      : [`${operation}: ${code} for ${error}`];
  });
}

async function check(path, work, acked, inFlight) {
  const settings = {
    path,
    scenario: work.scenario,
    acked,
    inFlight,
    clockAheadMs: 120_000,
    until: acked + 3,
  };
  const { messages, complaints } = await run('write.mjs', settings);
  const verified = messages.find((message) => 'verified' in message)?.verified;
  const problems = [...(verified?.problems ?? [])];
  const closed = messages.find((message) => 'closed' in message);
  const failed = messages.find((message) => 'failed' in message)?.failed;
  if (closed === undefined)
    problems.push(`the next saves do not work: ${JSON.stringify(failed) ?? complaints}`);
  else problems.push(...closed.besides.drafts.map((name) => `left over: ${name}`));
  if (closed && !work.torn) problems.push(...closed.besides.torn.map((name) => `torn: ${name}`));
  return problems;
}

/** Every path that the work may touch. */
function pathsOf(directory, clockMs) {
  const path = fileIn(directory);
  const files = [path, `${path}.dgents`];
  const drafts = files.flatMap((file) =>
    Array.from({ length: 24 }, (_, i) => `${file}.draft-${(i + 1).toString(16).padStart(12, '0')}`),
  );
  const torn = existsSync(path) ? [`${path}.torn-${lastLineFeed(path)}-${clockMs}`] : [];
  return [...files, ...drafts, ...torn, dirname(path), directory];
}

function lastLineFeed(path) {
  return readFileSync(path).lastIndexOf(10) + 1;
}

function step(directory, { scenario, versions, writes }, tracing, tries = 1) {
  const path = fileIn(directory);
  const clockMs = Date.now();
  const paths = pathsOf(directory, clockMs).flatMap((name) => ['-P', name]);
  const command = ['strace', '-f', '--seccomp-bpf', '-qq', ...paths, ...tracing];
  return run('step.mjs', { path, scenario, acked: versions, writes, tries, clockMs }, command);
}

/** Runs a worker to its end. */
function run(script, settings, prefix = []) {
  const command = [...prefix, process.execPath, join(WORKERS, script), JSON.stringify(settings)];
  const child = spawn(command[0], command.slice(1), { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  let complaints = '';
  child.stdout.on('data', (data) => {
    told += data;
  });
  child.stderr.on('data', (data) => {
    complaints += data;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const lines = told.split('\n').filter((line) => line.endsWith('}'));
      resolve({ messages: lines.map((line) => JSON.parse(line)), complaints, code, signal });
    });
  });
}
