/**
 * What agents cost, beside the raw call that makes the same promise, in one run.
 *
 *     node bench/agents.mjs [volatile|conversation|small|edits|many]… [--quick] [--json]
 */
import {
  closeSync,
  constants,
  fdatasync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  write,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBackend, memoryBackend, PersistentAgent, Store, VolatileAgent } from 'dgents-core';
import { each, interleaved, once, round, spread, summary } from './measure.mjs';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const json = args.includes('--json');
const wanted = args.filter((arg) => !arg.startsWith('--'));
const directory = mkdtempSync(join(process.env.DGENTS_BENCH_DIR ?? tmpdir(), 'dgents-bench-'));
const results = {};

/** A state of about 1 KB with the usual mixture. */
function profile(visits = 0) {
  return {
    id: 'user:42',
    name: 'Ada Lovelace',
    visits,
    active: true,
    tags: ['mathematics', 'engines', 'poetry'],
    contact: {
      email: 'ada@example.org',
      address: { street: '12 St James Square', city: 'London', code: 'SW1Y 4JH' },
    },
    biography: 'First to see that a machine could do more than count. '.repeat(6),
    scores: [1, 2, 3.5, 4, 5, 6, 7, 8],
    orders: Array.from({ length: 5 }, (_, index) => ({
      sku: `sku-${index}`,
      count: index,
      price: index * 1.5,
      note: `a note on ${index}`,
    })),
  };
}

function message(index, bytes) {
  const shell = { role: index % 2 === 0 ? 'user' : 'assistant', content: '', ts: 1_700_000_000_000 + index };
  const words = `message ${index} speaks of many things in turn `;
  const room = Math.max(1, bytes - JSON.stringify(shell).length);
  return { ...shell, content: words.repeat(Math.ceil(room / words.length)).slice(0, room) };
}

// ── Raw calls ────────────────────────────────────────────────────────────────────────────────────────────────────

function rawFile(name, flags) {
  const fd = openSync(join(directory, name), flags, 0o600);
  const dsync = (flags & constants.O_DSYNC) !== 0;
  return {
    append: (buffer) =>
      new Promise((resolve, reject) =>
        write(fd, buffer, 0, buffer.length, null, (error) => {
          if (error) reject(error);
          else if (dsync) resolve();
          else fdatasync(fd, (failed) => (failed ? reject(failed) : resolve()));
        }),
      ),
    close: () => closeSync(fd),
  };
}

const APPEND = constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND;

// ── Scenarios ────────────────────────────────────────────────────────────────────────────────────────────────────

async function volatile() {
  const state = profile();
  const bytes = JSON.stringify(state).length;
  const agent = new VolatileAgent();
  await agent.save(state);
  let held = structuredClone(state);
  const count = quick ? 2_000 : 10_000;
  const figures = await interleaved(quick ? 5 : 15, {
    'structuredClone in and out': () =>
      each(count, async (index) => {
        state.visits = index;
        held = structuredClone(state);
        return structuredClone(held);
      }),
    'save and load': () =>
      each(count, async (index) => {
        state.visits = index;
        await agent.save(state);
        return agent.load();
      }),
    'structuredClone out': () => each(count, async () => structuredClone(held)),
    load: () => each(count, () => agent.load()),
    'load frozen': () => each(count, () => agent.load({ frozen: true })),
    'structuredClone in': () => each(count, async () => (held = structuredClone(state))),
    save: () =>
      each(count, (index) => {
        state.visits = index;
        return agent.save(state);
      }),
    update: () =>
      each(count, () =>
        agent.update((draft) => {
          draft.visits += 1;
        }),
      ),
  });
  const large = new VolatileAgent();
  await large.save(Array.from({ length: 10_000 }, (_, index) => message(index, 400)));
  await large.load({ frozen: true });
  const frozen = summary(await many(15, () => each(count, () => large.load({ frozen: true }))));
  await agent.close();
  await large.close();
  return { bytes, figures, 'load frozen of 4 MB, us': frozen };
}

async function many(rounds, work) {
  const values = [];
  for (let index = 0; index < rounds; index += 1) values.push(await work());
  return values;
}

/** A turn is appended to a growing conversation; beside it the same number of bytes goes raw to other files. */
async function conversation(bytes = 400, turns = quick ? 1_000 : 10_000) {
  const path = join(directory, `conversation-${bytes}.jsonl`);
  const agent = new PersistentAgent({ path, initial: () => ({ title: 'A conversation', messages: [] }) });
  const synced = rawFile(`raw-sync-${bytes}`, APPEND);
  const dsync = rawFile(`raw-dsync-${bytes}`, APPEND | constants.O_DSYNC);
  const marks = [100, 1_000, 10_000].filter((mark) => mark <= turns);
  const width = 50;
  const rows = {};
  let size = 0;
  const slow = [];
  for (let turn = 1; turn <= turns; turn += 1) {
    const next = message(turn, bytes);
    const recipe = (draft) => {
      draft.messages.push(next);
    };
    const mark = marks.find((one) => turn > one - width && turn <= one);
    if (mark === undefined) {
      slow.push(await once(() => agent.update(recipe)));
      size = 0;
      continue;
    }
    if (size === 0) size = statSync(path).size;
    rows[mark] ??= { update: [], read: [], sync: [], dsync: [] };
    const row = rows[mark];
    row.update.push(await once(() => agent.update(recipe)));
    const grown = statSync(path).size - size;
    size += grown;
    row.read.push(await once(() => agent.load()));
    const buffer = Buffer.alloc(Math.max(1, Math.min(grown, bytes * 3)), 'x');
    row.sync.push(await once(() => synced.append(buffer)));
    row.dsync.push(await once(() => dsync.append(buffer)));
  }
  const final = await agent.load();
  await agent.close();
  synced.close();
  dsync.close();
  const text = JSON.stringify(final);
  const plain = join(directory, `conversation-${bytes}.json`);
  writeFileSync(plain, text);
  const cold = await interleaved(quick ? 5 : 11, {
    'readFile + JSON.parse': () => once(async () => JSON.parse(readFileSync(plain, 'utf8'))),
    'open + load': () =>
      once(async () => {
        const reopened = new PersistentAgent({ path });
        await reopened.load();
        await reopened.close();
      }),
  });
  const perTurn = Object.fromEntries(
    Object.entries(rows).map(([mark, row]) => [
      mark,
      {
        'update, us': summary(row.update),
        'copied read, us': summary(row.read),
        'raw write + fdatasync, us': summary(row.sync),
        'raw O_DSYNC, us': summary(row.dsync),
        'update / raw fdatasync': round(summary(row.update).median / summary(row.sync).median),
        'update / raw O_DSYNC': round(summary(row.update).median / summary(row.dsync).median),
      },
    ]),
  );
  const messages = final.messages.reduce((sum, one) => sum + JSON.stringify(one).length, 0);
  return {
    turns,
    messageBytes: bytes,
    perTurn,
    'file bytes / message bytes': round(statSync(path).size / messages, 3),
    'file bytes': statSync(path).size,
    cold,
    'other turns, us': summary(slow),
  };
}

/** Save of a state of 1 KB in which one field changed, beside the raw durable write of as many bytes. */
async function small() {
  const path = join(directory, 'small.jsonl');
  const agent = new PersistentAgent({ path });
  const state = profile();
  await agent.save(state);
  const synced = rawFile('small-sync', APPEND);
  const dsync = rawFile('small-dsync', APPEND | constants.O_DSYNC);
  const line = Buffer.alloc(120, 'x');
  const count = quick ? 20 : 100;
  const figures = await interleaved(quick ? 5 : 15, {
    'write + fdatasync': () => each(count, () => synced.append(line)),
    'write O_DSYNC': () => each(count, () => dsync.append(line)),
    save: () =>
      each(count, (index) => {
        state.visits = index;
        return agent.save(state);
      }),
    update: () =>
      each(count, () =>
        agent.update((draft) => {
          draft.visits += 1;
        }),
      ),
    'load, nothing new': () => each(count * 10, () => agent.load()),
  });
  await agent.close();
  synced.close();
  dsync.close();
  return figures;
}

/** States that are edited rather than grown, under several checkpoint factors: bytes written against cold load. */
async function edits() {
  const steps = quick ? 1_000 : 5_000;
  const kinds = {
    'plan of 40 tasks': {
      initial: () => ({
        goal: 'ship',
        tasks: Array.from({ length: 40 }, (_, id) => ({
          id,
          title: `task ${id} of the plan`,
          status: 'open',
          notes: '',
        })),
      }),
      step: (draft, index) => {
        const task = draft.tasks[(index * 7) % 40];
        task.status = ['open', 'doing', 'done'][index % 3];
        task.notes = `changed at step ${index}`;
      },
    },
    'window of 50 messages': {
      initial: () => ({ messages: [] }),
      step: (draft, index) => {
        draft.messages.push(message(index, 400));
        if (draft.messages.length > 50) draft.messages.shift();
      },
    },
    counter: {
      initial: () => ({ count: 0 }),
      step: (draft) => {
        draft.count += 1;
      },
    },
    'growing, 400 B': {
      initial: () => ({ messages: [] }),
      step: (draft, index) => void draft.messages.push(message(index, 400)),
    },
    'growing, 30 B': {
      initial: () => ({ messages: [] }),
      step: (draft, index) => void draft.messages.push(`short message number ${index}`),
    },
  };
  const rows = {};
  for (const [name, { initial, step }] of Object.entries(kinds)) {
    for (const checkpointFactor of [1, 2, 4]) {
      const path = join(directory, `edits-${name.replaceAll(/\W/g, '-')}-${checkpointFactor}.jsonl`);
      const agent = new PersistentAgent({ path, initial, durability: 'process', checkpointFactor });
      for (let index = 0; index < steps; index += 1) await agent.update((draft) => step(draft, index));
      const text = JSON.stringify(await agent.load());
      await agent.close();
      const plain = join(directory, 'plain.json');
      writeFileSync(plain, text);
      const cold = await interleaved(quick ? 3 : 9, {
        plain: () => once(async () => JSON.parse(readFileSync(plain, 'utf8'))),
        load: () =>
          once(async () => {
            const reopened = new PersistentAgent({ path });
            await reopened.load();
            await reopened.close();
          }),
      });
      rows[name] ??= {};
      rows[name][`factor ${checkpointFactor}`] = {
        'KB on disk': round(statSync(path).size / 1024, 0),
        'state KB': round(text.length / 1024, 1),
        'cold load, us': round(cold.load.us.median, 0),
        'cold load / JSON.parse': round(cold.load.ratio.median, 1),
      };
    }
  }
  return rows;
}

/** Many updates at once, and many agents. */
async function crowd() {
  const path = join(directory, 'crowd.jsonl');
  let commits = 0;
  const backend = fileBackend({ path, single: true });
  const commit = backend.commit.bind(backend);
  backend.commit = (...call) => {
    commits += 1;
    return commit(...call);
  };
  const store = new Store(backend);
  const agent = store.agent('state', { initial: () => ({ count: 0 }) });
  const count = (draft) => {
    draft.count += 1;
  };
  await agent.update(count);
  commits = 0;
  const time = await once(() => Promise.all(Array.from({ length: 100 }, () => agent.update(count))));
  const concurrent = { updates: 100, 'durable writes': commits, us: round(time, 0) };
  await store.close();

  const heap = {};
  for (const kind of ['memory', 'file']) heap[kind] = await crowdOf(kind, quick ? 1_000 : 10_000);
  return { concurrent, heap: global.gc ? heap : 'run node with --expose-gc for heap figures' };
}

/** Heap of many open agents beside what their states take by themselves. */
async function crowdOf(kind, count) {
  const backend =
    kind === 'memory'
      ? memoryBackend()
      : fileBackend({ path: join(directory, 'many'), durability: 'process' });
  const store = new Store(backend);
  await store.agent('warm-up').save(profile());
  const before = await settledHeap();
  let copies = Array.from({ length: count }, (_, index) => structuredClone(profile(index)));
  const stateBytes = ((await settledHeap()) - before) / copies.length;
  copies = undefined;
  const empty = await settledHeap();
  const agents = [];
  for (let index = 0; index < count; index += 1) {
    const agent = store.agent(`agent:${index}`);
    await agent.save(profile(index));
    agents.push(agent);
  }
  const each = ((await settledHeap()) - empty) / agents.length;
  const descriptors = readdirSync('/proc/self/fd').length;
  await store.close();
  return {
    agents: count,
    'heap bytes each': round(each, 0),
    'of it the state itself': round(stateBytes, 0),
    'beside the state': round(each - stateBytes, 0),
    descriptors,
  };
}

async function settledHeap() {
  for (let wait = 0; wait < 4; wait += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    global.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

const scenarios = {
  volatile,
  conversation: () => conversation(400),
  'short-messages': () => conversation(30, quick ? 1_000 : 10_000),
  small,
  edits,
  crowd,
};

function show(name, value, indent = '') {
  if (value !== null && typeof value === 'object' && 'median' in value)
    console.log(`${indent}${name}: ${spread(value)}`);
  else if (
    value !== null &&
    typeof value === 'object' &&
    'us' in value &&
    'ratio' in value &&
    typeof value.us === 'object'
  ) {
    console.log(`${indent}${name.padEnd(28)} ${spread(value.us).padStart(28)} µs   × ${spread(value.ratio)}`);
  } else if (value !== null && typeof value === 'object') {
    console.log(`${indent}${name}`);
    for (const [key, inner] of Object.entries(value)) show(key, inner, `${indent}  `);
  } else console.log(`${indent}${name}: ${value}`);
}

try {
  for (const [name, run] of Object.entries(scenarios)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    results[name] = await run();
    if (!json) show(name, results[name]);
  }
  if (json) console.log(JSON.stringify(results, null, 2));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
