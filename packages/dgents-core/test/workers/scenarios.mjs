/**
 * States that are a function of their version, so that whatever is found after a crash can be checked against what
 * must have been there: `state(0)` is the initial one, `state(v)` what version v holds.
 *
 * Each scenario says how it writes the next version, and how the agent is opened.
 */
const WORDS = 'the quick brown fox jumps over a lazy dog while ünïcödé 語 and "quotes" \\ pass by'.split(' ');

/** From 20 to 420 characters, always the same for the same number. */
function text(n) {
  const length = 20 + (((n * 2654435761) >>> 0) % 400);
  let out = `#${n}`;
  for (let i = n; out.length < length; i++) out += ` ${WORDS[(i * 7 + n) % WORDS.length]}`;
  return out.slice(0, length);
}

const texts = new Map();

export function message(n) {
  if (!texts.has(n)) texts.set(n, text(n));
  return { role: n % 2 === 0 ? 'assistant' : 'user', n, text: texts.get(n) };
}

function conversation(version) {
  return { title: 'talk', messages: Array.from({ length: version }, (_, i) => message(i + 1)) };
}

function pushMessage(draft) {
  draft.messages.push(message(draft.messages.length + 1));
}

function plan(version) {
  return {
    version,
    steps: Array.from({ length: 12 }, (_, i) => ({
      id: i,
      done: version > i,
      note: text(version + (i % 3)),
    })),
  };
}

function rich(version) {
  return {
    now: new Date(1_700_000_000_000 + version),
    counts: new Map(Array.from({ length: 1 + (version % 40) }, (_, i) => [`w${i}`, version * i])),
    seen: new Set([version, `v${version}`, -0]),
    big: BigInt(version) ** 9n,
    bytes: Uint8Array.from({ length: version % 50 }, (_, i) => (i + version) & 255),
    nothing: undefined,
  };
}

/** A window of the newest messages: what lies before them is gone from the state as well. */
function sliding(version) {
  const from = Math.max(1, version - 29);
  return {
    version,
    recent: Array.from({ length: version === 0 ? 0 : version - from + 1 }, (_, i) => message(from + i)),
  };
}

function slide(draft) {
  draft.version += 1;
  draft.recent.push(message(draft.version));
  if (draft.recent.length > 30) draft.recent.shift();
}

function counter(version) {
  return { count: version };
}

function countUp(draft) {
  draft.count += 1;
}

export const scenarios = {
  conversation: { state: conversation, write: byUpdate(pushMessage) },
  whole: { state: plan, write: bySave(plan) },
  rich: { state: rich, write: bySave(rich) },
  retained: {
    state: sliding,
    write: byUpdate(slide),
    options: { retain: { versions: 20, graceMs: 0 } },
    keeps: 20,
  },
  'retained-counter': {
    state: counter,
    write: byUpdate(countUp),
    options: { retain: { versions: 3, graceMs: 0 } },
    keeps: 3,
  },
  json: { state: plan, write: bySave(plan), options: { format: 'json' }, keeps: 1 },
  process: { state: conversation, write: byUpdate(pushMessage), options: { durability: 'process' } },
  'process-retained': {
    state: sliding,
    write: byUpdate(slide),
    options: { durability: 'process', retain: { versions: 20, graceMs: 0 } },
    keeps: 20,
  },
  /** Several updates under way at once: they are combined into few appends. */
  crowd: {
    state: conversation,
    inFlight: 8,
    write: async (agent) => {
      const done = await Promise.all(Array.from({ length: 8 }, () => agent.update(pushMessage)));
      return Math.max(...done.map(({ version }) => version));
    },
  },
};

function byUpdate(recipe) {
  return async (agent, _version, options) => (await agent.update(recipe, options)).version;
}

function bySave(state) {
  return (agent, version, options) => agent.save(state(version + 1), options);
}
