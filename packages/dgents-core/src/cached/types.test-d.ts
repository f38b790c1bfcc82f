/** What the compiler infers: this file only has to compile. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { EntropyConstrainedAgent } from '../entropy/index.js';
import {
  type DataAgent,
  type DeepReadonly,
  type StateDefinition,
  type Versioned,
  VolatileAgent,
} from '../index.js';
import { LensAgent, whole } from '../lens/index.js';
import { CachedAgent, LostWritesError } from './index.js';

interface Profile {
  name: string;
  tags: string[];
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

export async function types(): Promise<void> {
  const cached = new CachedAgent(new VolatileAgent<Profile>(), { maxAgeMs: 1 });
  expectType<CachedAgent<Profile>>()(cached, true);
  expectType<Profile>()(await cached.load(), true);
  expectType<DeepReadonly<Profile>>()(await cached.load({ frozen: true }), true);
  expectType<Versioned<DeepReadonly<Profile>>>()(await cached.read({ frozen: true }), true);
  const twice: DataAgent<Profile> = new CachedAgent(cached);
  await twice.close();
  // @ts-expect-error a state of another kind
  await cached.save({ name: 1 });
  // @ts-expect-error the watched handle holds the same kind of state
  new CachedAgent(cached, { watched: new VolatileAgent<number>() });
}

export function losses(): void {
  const agent = new CachedAgent(new VolatileAgent<Profile>(), {
    mode: 'write-behind',
    onError: (error) => {
      if (error.lost !== undefined) expectType<Profile | undefined>()(error.lost[0]?.state, true);
      if (error instanceof LostWritesError) expectType<LostWritesError<Profile>>()(error, true);
    },
  });
  const error: unknown = undefined;
  if (!agent.isLoss(error)) return;
  expectType<LostWritesError<Profile>>()(error, true);
  for (const { state, change } of error.lost) {
    expectType<Profile>()(state, true);
    expectType<((draft: Profile) => Profile | void) | undefined>()(change, true);
  }
  new CachedAgent(new VolatileAgent<Profile>(), { onError: (given: unknown) => void given });
  new CachedAgent(new VolatileAgent<Profile>(), {
    // @ts-expect-error a failure may be any error
    onError: (given: LostWritesError<Profile>) => void given,
  });
}

export function modes(schema: StandardSchemaV1<unknown, Profile>): void {
  const inner = new VolatileAgent<Profile>();
  const behind = new CachedAgent(inner, { mode: 'write-behind', flushMs: 1, maxPending: 2 });
  expectType<CachedAgent<Profile>>()(behind, true);
  // @ts-expect-error nothing waits in write-through
  new CachedAgent(inner, { flushMs: 1 });
  // @ts-expect-error nor beside another option
  new CachedAgent(inner, { maxAgeMs: 5, flushMs: 1 });
  // @ts-expect-error nothing is checked in write-through
  new CachedAgent(inner, { maxAgeMs: 5, schema });
  new CachedAgent(inner, { mode: 'write-behind', schema });
  // Parts of a definition, which may have none.
  const { codec, schema: maybe }: StateDefinition<Profile> = { name: 'profile' };
  new CachedAgent(inner, { mode: 'write-behind', codec, schema: maybe });
  new EntropyConstrainedAgent(inner, { codec });
  new LensAgent(inner, whole<Profile>(), { codec });
  // @ts-expect-error nor here
  new CachedAgent(inner, { mode: 'write-through', maxPending: 1 });
  // @ts-expect-error there is no such mode
  new CachedAgent(inner, { mode: 'write-around' });
}
