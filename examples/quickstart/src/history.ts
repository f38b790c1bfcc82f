/** Looking back: what the agent knew in an earlier year, and what keeping all of its versions costs. */
import { isDeepStrictEqual } from 'node:util';
import type { DataAgent, Store, Versioned } from 'dgents-core';
import { KEY, type Reader } from './agent/reader.js';
import { diskBytes } from './disk.js';

export const yearOf = (date: Date | undefined): number => date?.getUTCFullYear() ?? 0;

/** One version of the past. */
export interface Step {
  readonly version: number;
  readonly year: number;
  readonly president: string;
  readonly newWords: number;
  readonly vocabulary: number;
}

export interface Travel extends Step {
  readonly addresses: number;
  readonly words: ReadonlyMap<string, number>;
  /** Whether the uninterrupted run knew the same by then. */
  readonly equal: boolean;
  readonly ms: number;
  /** The last few versions up to then, oldest first. */
  readonly before: readonly Step[];
}

/** How many versions to walk through. */
const WALKED = 5;

/** The state as it was after the last address up to this year. */
export async function travelTo(
  year: number,
  agent: DataAgent<Reader>,
  now: Versioned<Reader>,
  reference: DataAgent<Reader>,
): Promise<Travel> {
  const { log } = now.state;
  const index = Math.max(
    0,
    log.findLastIndex(({ date }) => yearOf(date) <= year),
  );
  const at = now.version - (log.length - 1 - index); // each address made one version

  const start = performance.now();
  const past = await agent.read({ at });
  const { state } = past;
  const ms = performance.now() - start;

  const equal = isDeepStrictEqual(state, await reference.load({ at: index + 1 }));
  const before: Step[] = [];
  for await (const version of agent.timeline({ from: Math.max(1, at - WALKED + 1), to: at })) {
    if (!version.deleted) before.push(stepOf(version));
  }
  return { ...stepOf(past), addresses: state.log.length, words: state.words, equal, ms, before };
}

function stepOf({ version, state }: Versioned<Reader>): Step {
  const latest = state.log.at(-1);
  const { president = '', newWords = 0 } = latest ?? {};
  return { version, year: yearOf(latest?.date), president, newWords, vocabulary: state.words.size };
}

/** The size of the vocabulary (y) after the address of each year (x). */
export function growthOf({ log }: Reader): { x: number; y: number }[] {
  let vocabulary = 0;
  return log.map(({ date, newWords }) => {
    vocabulary += newWords;
    return { x: yearOf(date), y: vocabulary };
  });
}

export interface Cost {
  /** How many versions there are, and how many of them are stored as the difference to the one before. */
  readonly versions: number;
  readonly patches: number;
  /** The records of all versions; what one address adds, in the middle and at most. */
  readonly recordBytes: number;
  readonly stepBytes: { readonly median: number; readonly max: number };
  /** The files of the store, checkpoints and all; undefined where there are none. */
  readonly diskBytes: number | undefined;
  readonly lastStateBytes: number;
  /** A whole copy of the state for each version. */
  readonly fullCopiesBytes: number;
  /** How many times as much that is. */
  readonly ratio: number;
}

/** @param versionBytes the size of the state at each version */
export async function costs(store: Store, url: string, versionBytes: readonly number[]): Promise<Cost> {
  const records: number[] = [];
  let patches = 0;
  for await (const { kind, data } of store.backend.range(KEY)) {
    records.push(Buffer.byteLength(data));
    if (kind === 'patch') patches += 1;
  }
  const recordBytes = sum(records);
  const fullCopiesBytes = sum(versionBytes);
  const onDisk = await diskBytes(url);
  return {
    versions: records.length,
    patches,
    recordBytes,
    stepBytes: { median: median(records), max: Math.max(...records) },
    diskBytes: onDisk,
    lastStateBytes: versionBytes.at(-1) ?? 0,
    fullCopiesBytes,
    ratio: fullCopiesBytes / (onDisk ?? recordBytes),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

export const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
