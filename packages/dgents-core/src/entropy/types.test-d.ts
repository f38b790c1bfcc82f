/** What the compiler infers: this file only has to compile. */
import { VolatileAgent } from '../index.js';
import { EntropyConstrainedAgent } from './index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

export async function types(): Promise<void> {
  const root = new EntropyConstrainedAgent(new VolatileAgent<{ steps: string[] }>(), { budget: 0.5 });
  expectType<EntropyConstrainedAgent<{ steps: string[] }>>()(root, true);
  expectType<EntropyConstrainedAgent<{ steps: string[] }>>()(root.child(), true);
  const other = root.child({ agent: new VolatileAgent<number>(), maxBytes: 10 });
  expectType<EntropyConstrainedAgent<number>>()(other, true);
  // @ts-expect-error a state of another kind
  await other.save('1');
  // @ts-expect-error no such mode
  root.child({ mode: 'silent' });
}
