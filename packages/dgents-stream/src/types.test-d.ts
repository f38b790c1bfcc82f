/** What the compiler infers: this file only has to compile. */
import type { DeepReadonly, Store, Versioned } from 'dgents-core';
import type { EventStream } from 'dgents-core/testing';
import { z } from 'zod';
import { type AnyEvent, type CaughtUp, defineStream, type Recorded, StreamAgent } from './index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

interface Deposited extends AnyEvent {
  readonly type: 'deposited';
  readonly amount: number;
}
interface Renamed extends AnyEvent {
  readonly type: 'renamed';
  readonly name: string;
}
type Change = Deposited | Renamed;
interface Account {
  readonly balance: number;
  readonly name: string;
}
type Command = { readonly deposit: number } | { readonly rename: string };

const initial = (): Account => ({ balance: 0, name: '' });
const fold = {
  deposited: (state: Account, { amount }: Deposited): Account => ({
    ...state,
    balance: state.balance + amount,
  }),
  renamed: (state: Account, { name }: Renamed): Account => ({ ...state, name }),
};

const account = defineStream<Change, Account, Command>({
  initial,
  fold,
  decide: (command, state) => {
    expectType<Command>()(command, true);
    expectType<DeepReadonly<Account>>()(state, true);
    return 'deposit' in command
      ? { type: 'deposited', amount: command.deposit }
      : [{ type: 'renamed', name: command.rename }];
  },
});

export async function inference(store: Store): Promise<void> {
  // E, S and C come from the definition.
  const agent = new StreamAgent(store, 'a', account);
  expectType<StreamAgent<Change, Account, Command>>()(agent, true);
  expectType<Account>()(await agent.load(), true);
  expectType<Account>()(await agent.replayTo(1), true);
  expectType<Account[]>()(await agent.history(), true);
  expectType<Versioned<Account>>()(await agent.read(), true);

  // Events that are none of the union do not compile, alone or in a list.
  await agent.append({ type: 'deposited', amount: 1 });
  await agent.append([
    { type: 'deposited', amount: 1 },
    { type: 'renamed', name: 'x' },
  ]);
  // @ts-expect-error no such type
  await agent.append({ type: 'lost' });
  // @ts-expect-error a field of another type
  await agent.append({ type: 'deposited', amount: '1' });
  // @ts-expect-error a field of the other event
  await agent.append([{ type: 'deposited', name: 'x' }]);
  // @ts-expect-error no such option
  await agent.append({ type: 'deposited', amount: 1 }, { expected: 1 });

  // Commands are those of the definition.
  await agent.decide({ deposit: 1 });
  // @ts-expect-error no such command
  await agent.decide({ withdraw: 1 });

  // A conflict as a value is told apart by `ok`.
  const tried = await agent.tryAppend({ type: 'deposited', amount: 1 }, { expectedVersion: 0 });
  if (tried.ok) expectType<number>()(tried.firstVersion, true);
  else expectType<number>()(tried.actual.version, true);
  // @ts-expect-error there is none where it lost
  tried.firstVersion;

  // Events are narrowed by the type that was asked for, and otherwise by their own.
  for await (const recorded of agent.events()) {
    expectType<Recorded<Change>>()(recorded, true);
    if (recorded.event.type === 'renamed') expectType<Renamed>()(recorded.event, true);
  }
  for await (const { event } of agent.events({ type: 'deposited' })) expectType<Deposited>()(event, true);
  for await (const { event } of agent.events({ type: ['deposited', 'renamed'] })) {
    expectType<Change>()(event, true);
  }
  // @ts-expect-error no such type
  agent.events({ type: 'lost' });
  for await (const item of agent.subscribe({ type: 'renamed' })) {
    expectType<Recorded<Renamed> | CaughtUp>()(item, true);
    if (!('caughtUp' in item)) expectType<string>()(item.event.name, true);
  }
  // @ts-expect-error no such type
  agent.subscribe({ type: 'lost' });
}

export async function definitions(store: Store): Promise<void> {
  // By the types of the handlers, or of one function.
  const inferred = defineStream({ initial, fold: (state: Account, _event: Change): Account => state });
  expectType<Account>()(await new StreamAgent(store, 'a', inferred).load(), true);
  await new StreamAgent(store, 'a', inferred).append({ type: 'renamed', name: 'x' });
  // @ts-expect-error no such type
  await new StreamAgent(store, 'a', inferred).append({ type: 'lost' });
  // @ts-expect-error there are no commands
  await new StreamAgent(store, 'a', inferred).decide({ deposit: 1 });

  // A fold by type is complete, and knows no others.
  // @ts-expect-error `renamed` is missing
  defineStream<Change, Account>({ initial, fold: { deposited: fold.deposited } });
  defineStream<Change, Account>({
    initial,
    // @ts-expect-error there is no such type
    fold: { ...fold, lost: (state: Account) => state },
  });
  defineStream<Change, Account>({
    initial,
    // @ts-expect-error another state
    fold: { ...fold, renamed: () => 5 },
  });
  defineStream<Change, Account, Command>({
    initial,
    fold,
    // @ts-expect-error a decision gives events of the union
    decide: () => ({ type: 'lost' }),
  });

  // The union of a schema is that of the stream.
  const events = z.discriminatedUnion('type', [
    z.object({ type: z.literal('put'), amount: z.number() }),
    z.object({ type: z.literal('named'), name: z.string() }),
  ]);
  const stock = defineStream({
    initial: () => ({ stock: 0 }),
    events,
    fold: {
      put: (state, { amount }) => ({ stock: state.stock + amount }),
      named: (state) => state,
    },
  });
  const agent = new StreamAgent(store, 's', stock);
  expectType<{ stock: number }>()(await agent.load(), true);
  await agent.append({ type: 'put', amount: 1 });
  // @ts-expect-error no such type
  await agent.append({ type: 'lost' });
  for await (const { event } of agent.events({ type: 'named' })) expectType<string>()(event.name, true);

  // A stream of plain events is one that the kit can test as it is.
  const plain = new StreamAgent(
    store,
    'p',
    defineStream({
      initial,
      fold: (state: unknown, _event: { type: string; [name: string]: unknown }) => state,
    }),
  );
  plain satisfies Omit<EventStream, 'decide'>;
}
