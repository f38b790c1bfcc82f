/** What the compiler infers: this file only has to compile. */
import { type DeepReadonly, PersistentAgent, type Store, VolatileAgent } from '../index.js';
import { anything, classCodecs, Field, mapOf, oneOf, recordOf, State, setOf, stateOf } from './index.js';

@State({ name: 'base', version: 2, migrations: { 1: (old: { name: string }) => ({ ...old, age: 0 }) } })
abstract class Base {
  @Field(() => String) name = '';
  @Field() age!: number;
  abstract greet(): string;
}

@State({ name: 'profile' })
class Profile extends Base {
  @Field(() => [[Number]], { name: 'm', optional: true }) matrix?: number[][];
  @Field(() => mapOf(String, Profile)) friends = new Map<string, Profile>();
  @Field(() => oneOf('a', 1, null, setOf(Date), recordOf(BigInt))) private odd: unknown = null;
  @Field({ optional: true }) protected at?: Date;
  @Field(() => anything) rest: unknown;

  greet(): string {
    return `${this.name} ${String(this.odd)}`;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

export async function types(store: Store): Promise<void> {
  const profile = stateOf(Profile, {
    initial: () => new Profile(),
    classes: [Base],
    retain: { versions: 5 },
  });
  const agent = store.agent('user:42', profile);
  expectType<Profile>()(await agent.load(), true);
  expectType<Profile>()(await store.agent('k', stateOf(Profile)).load(), true);
  expectType<DeepReadonly<Profile>>()(await agent.load({ frozen: true }), true);
  await agent.update((draft) => {
    expectType<Profile>()(draft, true);
    draft.greet();
  });
  expectType<Profile>()(await new VolatileAgent(profile).load(), true);
  expectType<Profile>()(await new PersistentAgent({ path: 'p', ...profile }).load(), true);
  // @ts-expect-error no instance
  await agent.save({ name: '' });
  // @ts-expect-error an instance of another class
  stateOf(Profile, { initial: () => new Date() });
  // @ts-expect-error a function that gives the type
  Field(Date);
  // @ts-expect-error no such option
  Field(() => String, { optinal: true });
  // @ts-expect-error a name
  State({});
  // @ts-expect-error no class
  stateOf({});
  new VolatileAgent<Profile[]>({ codec: { classes: classCodecs(Profile) } });
}

/** Standard decorators are called with undefined and a context. */
export function standard(
  field: ClassFieldDecoratorContext<Profile, string>,
  type: ClassDecoratorContext<typeof Profile>,
): void {
  Field(() => String)(undefined, field);
  State({ name: 'x' })(Profile, type);
}
