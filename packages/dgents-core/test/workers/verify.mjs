/** Checks what is stored against a scenario. Every mistake becomes one line; none means that all is well. */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { StateNotFoundError } from 'dgents-core';
import { message } from './scenarios.mjs';

/**
 * @param agent freshly opened
 * @param scenario one of `scenarios`
 * @param bounds acked: the last acknowledged version; oldest: what the version may not be less than, `acked` unless
 *   durability allows the loss of a suffix; inFlight: how many more there may be
 */
export async function verify(agent, scenario, { acked, oldest = acked, inFlight = scenario.inFlight ?? 1 }) {
  const problems = [];
  const { version, state } = await read(agent, scenario);
  if (version < oldest) problems.push(`version ${version} is stored, ${acked} had been acknowledged`);
  if (version > acked + inFlight)
    problems.push(`version ${version} is stored, only ${acked} + ${inFlight} were written`);
  if (!isDeepStrictEqual(state, scenario.state(version)))
    problems.push(`the state is not that of version ${version}`);
  if (version === 0) return { version, floor: 0, problems };
  const floor = await verifyTimeline(agent, scenario, version, problems);
  await verifyHistory(agent, scenario, version, floor, problems);
  return { version, floor, problems };
}

async function read(agent, scenario) {
  try {
    return await agent.read();
  } catch (error) {
    if (!(error instanceof StateNotFoundError)) throw error;
    return { version: 0, state: scenario.state(0) };
  }
}

/** Contiguous from the floor to the head, each the state of its version. */
async function verifyTimeline(agent, scenario, version, problems) {
  const isSame = comparer(scenario);
  let floor;
  let next;
  for await (const entry of agent.timeline({ frozen: true })) {
    floor ??= entry.version;
    if (next !== undefined && entry.version !== next)
      problems.push(`timeline: ${entry.version} follows ${next - 1}`);
    if (entry.deleted) problems.push(`timeline: version ${entry.version} is deleted`);
    else if (!isSame(entry.state, entry.version))
      problems.push(`timeline: version ${entry.version} is another state`);
    next = entry.version + 1;
  }
  if (next !== version + 1)
    problems.push(`timeline: ends at ${next === undefined ? 'nothing' : next - 1}, not ${version}`);
  const kept = version - (floor ?? version) + 1;
  const promised = Math.min(version, scenario.keeps ?? version);
  if (kept < promised) problems.push(`timeline: begins at ${floor}; ${promised} versions had to be kept`);
  return floor;
}

async function verifyHistory(agent, scenario, version, floor, problems) {
  if (scenario.keeps === 1) return;
  const wanted = Math.min(5, version - floor);
  const states = await agent.history(wanted);
  if (states.length !== wanted) problems.push(`history(${wanted}) gives ${states.length} states`);
  for (const [i, state] of states.entries()) {
    if (!isDeepStrictEqual(state, scenario.state(version - 1 - i))) {
      problems.push(`history: entry ${i} is not the state of version ${version - 1 - i}`);
    }
  }
}

/** How many messages at the end of a conversation are compared in every version; all are in some. */
const ALWAYS_COMPARED = 3;
const ALL_COMPARED_EVERY = 64;

function comparer(scenario) {
  return (state, version) => {
    if (!Array.isArray(scenario.state(0).messages) || version % ALL_COMPARED_EVERY === 0) {
      return isDeepStrictEqual(state, scenario.state(version));
    }
    const from = Math.max(0, version - ALWAYS_COMPARED);
    const newest = state.messages.slice(from);
    return (
      state.messages.length === version &&
      newest.every((one, i) => isDeepStrictEqual(one, message(from + i + 1)))
    );
  };
}

/** What lies beside a file and belongs to it: `drafts` are leftovers, `torn` what repairs have kept. */
export function besides(path) {
  const own = basename(path);
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(`${own}.`));
  return {
    drafts: names.filter((name) => /\.draft-/.test(name)),
    torn: names.filter((name) => /\.torn-/.test(name)),
    others: names.filter((name) => !/\.(draft|torn)-/.test(name)),
  };
}
