/** What a transaction is told of each handle that takes part. */
import type { Copied } from '../codec/codec.js';
import type { SaveOptions } from '../data-agent.js';
import type { AgentOptions } from './agent.js';
import { checkMeta } from './arguments.js';
import type { Cell } from './cell.js';
import type { Call } from './deadlines.js';
import type { Change } from './diff.js';
import type { Engine } from './engine.js';
import { type Comparison, comparisonOf, Operation, type Produced } from './operation.js';
import { changeByState } from './recipe.js';
import { ABSENT, type Snapshot } from './replica.js';
import type { Sight } from './sight.js';
import type { Participant } from './transact.js';

export interface Handle {
  readonly engine: Engine;
  readonly cell: Cell;
  readonly key: string;
  readonly options: Pick<AgentOptions<never>, 'retain' | 'ttlMs' | 'requireDurability'>;
  readonly sight: Sight;
  /** What `initial` gives. @throws StateNotFoundError when there is none */
  readonly begun: () => Copied;
  /** What a change of the state is written as. */
  readonly produced: (base: Snapshot, change: Change) => Produced;
}

/** What a write of one that takes part says beside the state: see `SaveOptions`. */
export type Participation = Pick<SaveOptions, 'expected' | 'meta'>;

const ANY: Comparison = { kind: 'any' };

export function participantOf(
  { engine, cell, key, options, sight, begun, produced }: Handle,
  call: Call,
  { expected, meta }: Participation = {},
): Participant {
  const { definition } = cell;
  const compare = expected === undefined ? ANY : comparisonOf(expected);
  const noted = checkMeta(meta);
  const { retain, ttlMs, requireDurability } = options;
  // Nobody waits for the operation itself: the transaction watches over its signal.
  const unaborted = { ...call, signal: undefined };
  return {
    cell,
    admit: () => {
      engine.requireDurability(engine.port.durability, requireDurability);
      if (ttlMs !== undefined) engine.requireTtl();
    },
    draft: () => {
      const { value } = cell.snapshot;
      return definition.codec.clone(value === ABSENT ? begun().value : value);
    },
    operation: (id, next) => {
      const produce = (base: Cell['snapshot']): Produced => {
        const own = definition.accept(next(), key);
        return produced(base, changeByState(definition, base, own, key));
      };
      const request = {
        ...{ key, id, repeatable: false, compare, pinned: expected !== undefined, blind: false },
        ...{
          otherwise: compare,
          meta: noted,
          weigh: undefined,
          ttlMs,
          retain,
          produce,
          writer: undefined,
          observed: undefined,
        },
      };
      return new Operation(request, unaborted, engine.deadlines, ({ head }) => head?.version ?? 0);
    },
    see: (snapshot) => sight.see(snapshot),
    verify: () => sight.verify(),
  };
}
