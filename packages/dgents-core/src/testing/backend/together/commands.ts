/** Everything that can be done with a backend, as commands that a model follows. */
import fc from 'fast-check';
import type { GivenBackend } from '../../subject.js';
import type { Model } from './model.js';
import { rangeOf, readAfter, readAt, readLimited, readNow } from './reads.js';
import type { Real } from './real.js';
import { findIds, listKeys } from './searches.js';
import { append, checkpoint, commitMany, replay, stale, trim } from './writes.js';

export type Command = fc.AsyncCommand<Model, Real>;
export type Program = Iterable<Command>;

/** One thing that is done with arguments that are drawn; `when` says whether there is anything to do it to. */
export interface Deed<Given> {
  readonly name: string;
  readonly given: fc.Arbitrary<Given>;
  readonly when?: (model: Model, given: Given) => boolean;
  readonly run: (model: Model, real: Real, given: Given) => Promise<void>;
}

function commandsOf<Given>({ name, given, when, run }: Deed<Given>): fc.Arbitrary<Command> {
  return given.map((drawn) => ({
    check: (model) => when?.(model, drawn) ?? true,
    run: (model, real) => run(model, real, drawn),
    toString: () => `${name}(${JSON.stringify(drawn)})`,
  }));
}

/** Programs of some dozen commands, most of them about a log that is there. */
export function programs({ durability, find }: GivenBackend['claims']): fc.Arbitrary<Program> {
  const openAnother: Deed<null> = {
    name: 'openAnother',
    given: fc.constant(null),
    run: (_, real) => real.openAnother(),
  };
  const reopen: Deed<null> = { name: 'reopen', given: fc.constant(null), run: (_, real) => real.reopen() };
  return fc.commands(
    [
      commandsOf(append),
      commandsOf(append),
      commandsOf(append),
      commandsOf(commitMany),
      commandsOf(stale),
      commandsOf(replay),
      commandsOf(replay),
      commandsOf(readNow),
      commandsOf(readAt),
      commandsOf(readAfter),
      commandsOf(readLimited),
      commandsOf(rangeOf),
      commandsOf(trim),
      commandsOf(checkpoint),
      commandsOf(checkpoint),
      commandsOf(listKeys),
      commandsOf(openAnother),
      ...(find ? [commandsOf(findIds)] : []),
      ...(durability === 'none' ? [] : [commandsOf(reopen)]),
    ],
    { maxCommands: 100, size: 'max' },
  );
}
