/**
 * Operations on one state that tell which of them went into it, and whether what their callers were told is what
 * happened: every one at most once, at the version it was said to have, none denied that happened.
 */
import assert from 'node:assert/strict';
import type { LogRecord } from '../../backend.js';
import type { SaveOptions } from '../../data-agent.js';
import type { StateAgent } from '../../state/agent.js';

/** A state that tells which operations made it, each by its tag. */
export type Tags = readonly number[];

export type Kind = 'update' | 'save' | 'pinned save' | 'delete';

/** What became of one operation, over all of its attempts. */
export interface Told {
  readonly tag: number;
  readonly kind: Kind;
  /** `done`, `not sent` or the name of an error, one for each attempt. */
  readonly outcomes: string[];
  /** Versions at which it was said to have happened; -1: a deletion that does not tell, 0: one that found nothing. */
  readonly versions: number[];
}

/** One attempt; gives the version at which it happened, as {@link Told.versions} has it. */
export async function perform(
  agent: StateAgent<Tags>,
  { kind, tag }: Pick<Told, 'kind' | 'tag'>,
  options: SaveOptions,
): Promise<number> {
  const tagged = { ...options, meta: { tag } };
  if (kind === 'update') return (await agent.update((tags) => [...tags, tag], tagged)).version;
  if (kind === 'delete') return (await agent.delete(tagged)) ? -1 : 0;
  return agent.save([tag], tagged);
}

/** Holds what was told against the log: every record that was ever written, in its order. */
export function assertTold(told: readonly Told[], log: readonly LogRecord[]): void {
  const shown = (): string =>
    `${JSON.stringify(told)}\n${JSON.stringify(log.map(({ version, meta }) => [version, meta]))}`;
  assert.deepEqual(
    log.map(({ version }) => version),
    log.map((_, i) => i + 1),
    `versions are not contiguous: ${shown()}`,
  );
  for (const each of told) {
    const at = log.filter(({ meta }) => meta?.['tag'] === each.tag).map(({ version }) => version);
    const problem = contradiction(each, at);
    if (problem !== undefined) assert.fail(`operation ${each.tag} ${problem}: ${shown()}`);
  }
}

/** What one operation was told against where it is in the log; undefined when both agree. */
function contradiction({ outcomes, versions }: Told, at: readonly number[]): string | undefined {
  if (at.length > 1) return `happened ${at.length} times`;
  for (const version of versions) {
    if (version > 0 && at[0] !== version)
      return `was acknowledged as version ${version}, and is ${at[0] ?? 'not there'}`;
    if (version < 0 && at.length === 0) return 'was acknowledged, and is not there';
    if (version === 0 && outcomes.length === 1 && at.length > 0)
      return 'was said to have found nothing, and is there';
  }
  const isDenied = outcomes.every((outcome) => outcome !== 'done' && outcome !== 'OutcomeUnknownError');
  return isDenied && at.length > 0 ? `was refused with ${outcomes.join(', ')}, and is there` : undefined;
}

/** What the state is after the log: null when it was deleted, or never there. Each update builds on what was before it. */
export function stateAfter(told: readonly Told[], log: readonly LogRecord[]): Tags | null {
  const kinds = new Map(told.map(({ tag, kind }) => [tag, kind]));
  let state: Tags | null = null;
  for (const { meta } of log) {
    const tag = meta?.['tag'] as number;
    const kind = kinds.get(tag);
    state = kind === 'delete' ? null : kind === 'update' ? [...(state ?? []), tag] : [tag];
  }
  return state;
}
