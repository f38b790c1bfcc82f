#!/usr/bin/env node
/**
 * What a write costs before any I/O: running a recipe, comparing, and replaying the patches again. Medians, in turn.
 *
 *     node bench/diff.mjs [--rounds=40] [name …]
 *
 * Measures the sources, bundled on the fly.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { create } from 'mutative';
import { each, interleaved, spread } from './measure.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const words = process.argv.slice(2);
const rounds = Number(words.find((word) => word.startsWith('--rounds='))?.slice(9) ?? 40);
const wanted = words.filter((word) => !word.startsWith('--'));
/** Calls in one sample; the first sample of each contender is not counted. */
const CALLS = 20;

const { changeByRecipe, changeByState, Definition, Replay } = await load();
const definition = new Definition({});
const { codec } = definition;

/** A message of about 400 bytes of JSON. */
const message = (id) => ({
  id,
  role: id % 2 ? 'user' : 'assistant',
  content: `${id} `.padEnd(340, 'lorem ipsum '),
  ts: 1.7e12 + id,
});
const messages = (count) => Array.from({ length: count }, (_, id) => message(id));

function held(value) {
  const own = codec.copy(value);
  return { ...own, bytes: Buffer.byteLength(JSON.stringify(codec.encode(own.value))) };
}

/** Update after update: each begins where the one before has ended. */
function updates(value, recipe, reset = Number.POSITIVE_INFINITY) {
  const first = held(value);
  let base = first;
  let count = 0;
  return () =>
    each(CALLS, () => {
      if (count % reset === 0) base = first;
      const { next, traits, bytes } = changeByRecipe(
        definition,
        base,
        (draft) => recipe(draft, count),
        'key',
      );
      base = { value: next, traits, bytes };
      count += 1;
    });
}

function saves(value, change) {
  const base = held(value);
  const next = codec.clone(base.value);
  change(next);
  return () => each(CALLS, () => changeByState(definition, base, codec.copy(next), 'key'));
}

const push = (draft, count) => void draft.messages.push(message(count));
const slide = (draft, count) => {
  draft.messages.push(message(count));
  draft.messages.shift();
};
const counters = new Map(Array.from({ length: 20_000 }, (_, id) => [`counter ${id}`, id]));

const contenders = {};
for (const count of [100, 1000, 10_000]) {
  const state = { title: 't', messages: messages(count) };
  const { value } = held(state);
  contenders[`push at ${count}: mutative alone`] = () =>
    each(CALLS, (id) => create(value, (draft) => push(draft, id)));
  contenders[`push at ${count}: update`] = updates(state, push, 50);
  contenders[`push at ${count}: copy alone`] = () => each(CALLS, () => codec.copy(value));
  contenders[`push at ${count}: save of a fresh copy`] = saves(state, (next) => push(next, count));
}
for (const count of [50, 1000]) {
  contenders[`window of ${count}: update`] = updates({ messages: messages(count) }, slide);
  contenders[`window of ${count}: save of a fresh copy`] = saves({ messages: messages(count) }, (next) =>
    slide(next, 1),
  );
}
const deep = {
  users: Object.fromEntries(messages(2600).map((one) => [`user ${one.id}`, { profile: { last: one } }])),
};
contenders['deep field in 1 MB: update'] = updates(deep, (draft, count) => {
  draft.users['user 1300'].profile.last.ts = count;
});
contenders['small state: update'] = updates({ n: 1, list: [1, 2, 3] }, (draft, count) => {
  draft.n = count;
});
contenders['20,000 counters: mutative alone'] = () =>
  each(2, () =>
    create({ counters }, (draft) => {
      for (let i = 0; i < 300; i += 1) draft.counters.set(`counter ${i * 60}`, i);
    }),
  );
let turn = 0;
const mapBase = held({ counters });
contenders['20,000 counters, 300 changed: update'] = () =>
  each(2, () =>
    changeByRecipe(
      definition,
      mapBase,
      (draft) => {
        turn += 1;
        for (let i = 0; i < 300; i += 1) draft.counters.set(`counter ${i * 60}`, turn + i);
      },
      'key',
    ),
  );
for (const count of [1000, 10_000]) {
  const patches = messages(count).map((one, id) => [{ op: 'add', path: `/messages/${id}`, value: one }]);
  contenders[`replay of ${count} appends, each`] = async () =>
    (await each(2, () => {
      const replay = new Replay();
      let document = { title: 't', messages: [] };
      for (const patch of patches) document = replay.apply(document, patch);
    })) / count;
}

const chosen = Object.fromEntries(
  Object.entries(contenders).filter(
    ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
  ),
);
console.log(`µs a call, median and middle 80 % of ${rounds} rounds, node ${process.version}`);
for (const [name, { us }] of Object.entries(await interleaved(rounds, chosen)))
  console.log(`${name.padEnd(44)} ${spread(us)}`);

async function load() {
  const { build } = await import('esbuild');
  const outfile = join(root, 'node_modules', '.cache', 'bench-diff.mjs');
  const source = (path) => JSON.stringify(join(root, 'src', path));
  await build({
    stdin: {
      contents: `export * from ${source('state/recipe.ts')}; export * from ${source('state/definition.ts')}; export * from ${source('state/apply.ts')};`,
      resolveDir: root,
    },
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return import(pathToFileURL(outfile).href);
}
