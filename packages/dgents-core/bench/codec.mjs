#!/usr/bin/env node
/**
 * What the codec costs, as ratios to what the platform does by itself. The runs of all functions are interleaved, so
 * that a busy machine disturbs them alike.
 *
 *     node bench/codec.mjs [--dist] [--json] [--rounds=60] [shape …]
 *
 * Measures the sources, bundled on the fly; with --dist, what `npm run build` made.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const flags = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const rounds = Number([...flags].find((flag) => flag.startsWith('--rounds='))?.slice(9) ?? 60);

/** Rounds that are not counted: until then the functions are still being compiled. */
const WARM_UP_ROUNDS = 20;
/** What one sample takes at least; below, the clock is coarser than the work. */
const SAMPLE_MS = 2;

const { Codec, jsonBytes } = await load();
const codec = new Codec();

const shapes = {
  'mixed 1 KB': mixed(),
  'conversation 240 KB': conversation(1000),
  '40 levels': nested(40),
  '20,000 numbers': Array.from({ length: 20_000 }, (_, i) => (i % 3 ? i : i * 1.37)),
  '3,000 small objects': Array.from({ length: 3000 }, (_, i) => ({
    id: i,
    name: `user ${i}`,
    on: i % 2 === 0,
  })),
};

const report = {};
for (const [name, value] of Object.entries(shapes)) {
  if (wanted.length === 0 || wanted.some((part) => name.includes(part))) report[name] = measure(value);
}
if (flags.has('--json')) console.log(JSON.stringify(report, null, 2));
else print(report);

function measure(value) {
  const text = JSON.stringify(value);
  const kept = codec.copy(value).value;
  const frozen = codec.freeze(codec.clone(kept));
  const samples = interleave({
    'JSON.stringify': () => JSON.stringify(value),
    'copy + stringify': () => codec.stringify(codec.copy(value).value),
    'JSON.parse': () => JSON.parse(text),
    read: () => codec.read(text),
    structuredClone: () => structuredClone(value),
    copy: () => codec.copy(value),
    clone: () => codec.clone(kept),
    'clone of frozen': () => codec.clone(frozen),
    encode: () => codec.encode(kept),
    equal: () => codec.equal(kept, value),
    jsonBytes: () => jsonBytes(value),
    'freeze again': () => codec.freeze(frozen),
  });
  return {
    bytes: Buffer.byteLength(text),
    microseconds: Object.fromEntries(
      Object.entries(samples).map(([name, list]) => [name, quartile(list, 2)]),
    ),
    ratios: {
      'copy + stringify : stringify': ratio(samples['copy + stringify'], samples['JSON.stringify']),
      'read : parse': ratio(samples.read, samples['JSON.parse']),
      'structuredClone : copy': ratio(samples.structuredClone, samples.copy),
      'structuredClone : clone': ratio(samples.structuredClone, samples.clone),
      'jsonBytes : stringify': ratio(samples.jsonBytes, samples['JSON.stringify']),
    },
  };
}

/** Microseconds per call, one sample of each function per round. */
function interleave(functions) {
  const entries = Object.entries(functions).map(([name, run]) => ({
    name,
    run,
    calls: calibrate(run),
    samples: [],
  }));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { run, calls, samples } of entries) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < calls; i++) run();
      const took = Number(process.hrtime.bigint() - start) / 1000 / calls;
      if (round >= 0) samples.push(took);
    }
  }
  return Object.fromEntries(entries.map(({ name, samples }) => [name, samples]));
}

function calibrate(run) {
  for (let calls = 1; ; calls *= 2) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    if (performance.now() - start >= SAMPLE_MS) return calls;
  }
}

/** Of the samples taken in the same round: the median ratio, and the quartiles as its spread. */
function ratio(over, under) {
  const list = over.map((sample, round) => sample / under[round]);
  return { median: quartile(list, 2), low: quartile(list, 1), high: quartile(list, 3) };
}

function quartile(list, quarter) {
  const sorted = [...list].sort((a, b) => a - b);
  return Number(sorted[Math.floor(((sorted.length - 1) * quarter) / 4)].toFixed(3));
}

function print(results) {
  for (const [name, { bytes, microseconds, ratios }] of Object.entries(results)) {
    console.log(`\n${name} (${bytes} bytes)`);
    for (const [pair, { median, low, high }] of Object.entries(ratios)) {
      console.log(
        `  ${pair.padEnd(30)} ${median.toFixed(2).padStart(7)}   [${low.toFixed(2)} – ${high.toFixed(2)}]`,
      );
    }
    const times = Object.entries(microseconds).map(([what, time]) => `${what} ${time}`);
    console.log(`  µs: ${times.join(' · ')}`);
  }
}

async function load() {
  if (flags.has('--dist')) return import(new URL('../dist/codec/index.js', import.meta.url).href);
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src/codec/index.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

function mixed() {
  return {
    id: 'u-1042',
    name: 'Ada Lovelace',
    email: 'ada@example.org',
    active: true,
    score: 98.25,
    tags: ['admin', 'beta', 'early'],
    address: { street: '12 Analytical Way', city: 'London', zip: 'N1 9GU', geo: { lat: 51.5, lon: -0.12 } },
    preferences: { theme: 'dark', language: 'en-GB', notify: { mail: true, push: false, sms: null } },
    history: [1, 2, 3, 5, 8, 13, 21, 34],
    notes: 'First programmer; wrote the note on the Analytical Engine. '.repeat(8),
    roles: [
      { role: 'owner', since: 1_700_000_000 },
      { role: 'editor', since: 1_710_000_000 },
    ],
    plan: null,
    quota: { used: 12_345, limit: 100_000 },
    links: ['https://example.org/a', 'https://example.org/b'],
  };
}

function conversation(turns) {
  const words = 'lorem ipsum dolor sit amet, consectetur adipiscing elit. "Quoted," she said.\nA new line. ';
  return {
    messages: Array.from({ length: turns }, (_, i) => ({
      role: i % 2 ? 'assistant' : 'user',
      content: `${i}: ${words.repeat(2)}`.slice(0, 185),
      ts: 1_700_000_000_000 + i * 1000,
    })),
  };
}

function nested(levels) {
  let value = { leaf: 1 };
  for (let level = 0; level < levels; level++) value = { level, next: value, name: `n${level}` };
  return value;
}
