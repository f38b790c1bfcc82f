/** States that change as one, each of them compared with what it was when the change was thought of. */
import type { CallOptions, Versioned } from '../data-agent.js';
import { told } from '../observe/operations.js';
import type { StateAgent } from '../state/agent.js';
import type { Participation } from '../state/participant.js';
import {
  assertAtomic,
  checkJoin,
  commitTogether,
  type Part,
  partOf,
  present,
  type Work,
} from '../state/transact.js';
import { versioned } from '../state/views.js';
import type { Store } from '../store.js';

/** What becomes of one state. */
export interface TogetherChange extends Participation {
  readonly agent: StateAgent<never>;
  /** Changes its draft, or returns what takes its place. Synchronous; asked again when somebody else was first. */
  readonly change: (draft: never) => unknown;
}

/**
 * @param changes each state once
 * @returns the states after it, in their order
 * @throws StateConflictError when one of them is not what was expected: nothing was written
 * @throws UnsupportedError unless `capabilities.atomicity` is `store`; for `within`, unless `capabilities.joins`
 */
export function changeTogether(
  store: Store,
  changes: readonly TogetherChange[],
  { within, ...options }: CallOptions & { readonly within?: Work | undefined } = {},
): Promise<readonly Versioned<unknown>[]> {
  const { engine } = store;
  return told('transact', engine, undefined, (event) =>
    engine.accept(
      (async () => {
        engine.assertOpen();
        const call = engine.call(options, engine.timeoutMs);
        await engine.ready(call);
        assertAtomic(engine);
        if (within !== undefined) checkJoin(engine, within);
        const participants = changes.map(({ agent, expected, meta }) =>
          agent.participate(engine, call, {
            ...(expected === undefined ? {} : { expected }),
            ...(meta === undefined ? {} : { meta }),
          }),
        );
        for (const { admit } of participants) admit();
        const parts = async (id: string): Promise<readonly Part[]> => {
          // Each asks the store: side by side, they wait once.
          await Promise.all(participants.map((participant) => present(engine, participant, call)));
          return participants.map((participant, index) => {
            const draft = participant.draft();
            const next = changes[index]?.change(draft as never) ?? draft;
            return partOf(participant, id, next);
          });
        };
        const written = await commitTogether(engine, parts, call, within, event);
        return written.map(({ cell, plan }) => versioned(cell.definition, plan.last, false));
      })(),
    ),
  );
}
