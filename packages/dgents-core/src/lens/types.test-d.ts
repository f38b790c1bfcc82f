/** What the compiler infers: this file only has to compile. */
import { type DataAgent, type DeepReadonly, VolatileAgent } from '../index.js';
import { each, focusOn, type Lens, LensAgent, variant, whole } from './index.js';

interface Account {
  profile: { name: string; address?: { lines: string[] } };
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number };

export async function types(): Promise<void> {
  const parent = new VolatileAgent<Account>();
  const line = whole<Account>().focus('profile', 'address', 'lines', 0);
  expectType<Lens<Account, string>>()(line, true);
  const agent = new LensAgent(parent, line);
  const plain: DataAgent<string> = agent;
  expectType<string>()(await plain.load(), true);
  const address = focusOn(parent, ['profile', 'address']);
  expectType<{ lines: string[] }>()(await address.load(), true);
  expectType<DeepReadonly<{ lines: string[] }>>()(await address.load({ frozen: true }), true);
  expectType<string>()(await focusOn(address, ['lines', 0]).load(), true);
  const circle = variant<Shape>()('kind', 'circle').asLens().focus('radius');
  expectType<Lens<Shape, number>>()(circle, true);
  const lengths = whole<string[]>().asTraversal().compose(each<string>());
  expectType<readonly string[]>()(lengths.all(['a']), true);
  // @ts-expect-error no such key
  whole<Account>().focus('profile', 'age');
  // @ts-expect-error a list takes an index
  whole<Account>().focus('profile', 'address', 'lines', 'first');
  // @ts-expect-error no such key
  focusOn(parent, ['profile', 'age']);
  // @ts-expect-error the lens is of another state
  new LensAgent(new VolatileAgent<number>(), line);
}
