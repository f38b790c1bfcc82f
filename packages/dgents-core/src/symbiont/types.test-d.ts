/** What the compiler infers: this file only has to compile. */
import { VolatileAgent } from '../index.js';
import { batch, fork, pipe, Symbiont, type SyncLogic } from './index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

interface Tally {
  calls: number;
}

const agent = new VolatileAgent<Tally>({ initial: () => ({ calls: 0 }) });
const ask: SyncLogic<string, number, Tally> = (text, { calls }) => [text.length, { calls: calls + 1 }];
const say = async (length: number, state: Tally): Promise<[string, Tally]> => ['x'.repeat(length), state];

export async function types(): Promise<void> {
  const symbiont = new Symbiont(agent, ask);
  expectType<Symbiont<string, number, Tally>>()(symbiont, true);
  expectType<number>()(await symbiont.invoke('a'), true);
  expectType<string>()(await new Symbiont(agent, pipe(ask, say)).invoke('a'), true);
  expectType<[number, number]>()(fork(ask, ask)('a', { calls: 0 })[0], true);
  expectType<number[]>()(batch(ask)(['a'], { calls: 0 })[0], true);
  // The state is known from the agent.
  const inline = new Symbiont(agent, (by: number, state) => [state.calls, { calls: state.calls + by }]);
  expectType<number>()(await inline.invoke(1), true);
  // @ts-expect-error an input of another kind
  await symbiont.invoke(1);
  // @ts-expect-error a state of another kind
  new Symbiont(agent, (by: number, _state: Tally) => [by, by]);
}
