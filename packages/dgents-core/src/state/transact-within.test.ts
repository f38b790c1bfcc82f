/** Work of the caller's in the transaction, as the engine sees it; what databases make of it is tested in dgents-sql. */
import { HookedBackend } from '../../test/hooked-backend.js';
import { failureOf } from '../../test/places.js';
import type { CommitOptions } from '../backend.js';
import { OutcomeUnknownError, StorageUnavailableError, WorkFailedError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';

type Within = NonNullable<CommitOptions['within']>;

/** Does with the work what a database would: `join` is asked before anything is written. */
class JoiningBackend extends HookedBackend {
  join: (within: Within) => Promise<void> = async (within) => {
    try {
      await within('client');
    } catch (error) {
      throw new WorkFailedError(error);
    }
  };

  override async commit(...[appends, options = {}]: Parameters<HookedBackend['commit']>) {
    const { within, ...rest } = options;
    if (within !== undefined) await this.join(within);
    return super.commit(appends, rest);
  }
}

function open(joins = true) {
  const backend = new JoiningBackend(memoryBackend());
  backend.declined = { joins };
  const store = new Store(backend);
  const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
  const add = (within: (client: unknown) => unknown, timeoutMs = 1_000, signal?: AbortSignal) =>
    store.transact(
      [agent],
      (draft) => {
        draft.n += 1;
      },
      { within, timeoutMs, ...(signal && { signal }) },
    );
  return { backend, store, agent, add };
}

test('the work is given the client of the store, and what it returns is nobody’s business', async () => {
  const { add } = open();
  const seen: unknown[] = [];
  const [after] = await add((client) => seen.push(client));
  expect([after.state, seen]).toEqual([{ n: 1 }, ['client']]);
});

test('a store shows whether it joins, and one that does not refuses before the recipe is run', async () => {
  const { store, add } = open(false);
  expect(open().store.capabilities.joins).toBe(true);
  expect(store.capabilities.joins).toBe(false);
  expect((await failureOf(add(() => undefined))).name).toBe('UnsupportedError');
  expect((await failureOf(open().add(5 as never))).name).toBe('TypeError');
});

test.each([
  ['an error', new RangeError('no')],
  ['nothing', undefined],
  ['a doubt of its own', new OutcomeUnknownError('elsewhere', { operationId: 'x' })],
])('what the work throws is what the call rejects with, and is not asked about: %s', async (_, reason) => {
  const { backend, agent, add } = open();
  const failure = await add(async () => Promise.reject(reason)).then(
    () => 'made',
    (error: unknown) => error,
  );
  expect(failure).toBe(reason);
  expect((await agent.read()).version).toBe(0);
  expect(backend.calls.commit ?? 0).toBe(0);
});

test('work that fails when it is sent again ends the call too: nothing sent earlier can be made then', async () => {
  const { backend, agent, add } = open();
  backend.before = ({ method }) => {
    if (method === 'commit') throw new Error('ECONNRESET');
  };
  let runs = 0;
  const failure = await failureOf(
    add(() => {
      runs += 1;
      if (runs === 2) throw new RangeError('no');
    }),
  );
  expect([failure.message, runs]).toEqual(['no', 2]);
  expect((await agent.read()).version).toBe(0);
});

test('a commit whose answer was lost is found, and its work not run again', async () => {
  const { backend, agent, add } = open();
  let left = 1;
  backend.after = ({ method }) => {
    if (method === 'commit' && left-- > 0) throw new Error('ECONNRESET');
  };
  let runs = 0;
  await add(() => {
    runs += 1;
  });
  expect([await agent.load(), runs]).toEqual([{ n: 1 }, 1]);
});

describe('work that is under way when the call ends', () => {
  const slow = () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    return { work: () => ended, end: () => end() };
  };

  test('is told as a timeout, and nothing is written, also when it ends later', async () => {
    const { backend, agent, add } = open();
    const { work, end } = slow();
    let refused: unknown;
    const joining = backend.join;
    backend.join = (within) =>
      joining(within).catch((error) => {
        refused = error;
        throw error;
      });
    expect((await failureOf(add(work, 30))).name).toBe('StorageTimeoutError');
    end();
    await new Promise(setImmediate);
    expect(refused).toBeInstanceOf(WorkFailedError);
    expect((await agent.read()).version).toBe(0);
  });

  test('is told by the reason of the signal', async () => {
    const { add } = open();
    const controller = new AbortController();
    const work = () => {
      controller.abort(new RangeError('enough'));
      return slow().work();
    };
    expect((await failureOf(add(work, 1_000, controller.signal))).message).toBe('enough');
  });

  test('leaves the store its own word where that is certain', async () => {
    const { backend, add } = open();
    backend.join = async (within) => {
      void within('client');
      throw new StorageUnavailableError('gone');
    };
    expect((await failureOf(add(slow().work))).message).toBe('gone');
  });

  test('leaves a doubt where it had ended before', async () => {
    const { backend, add } = open();
    backend.before = ({ method }) => {
      if (method === 'commit' || method === 'range') throw new Error('ECONNRESET');
    };
    expect((await failureOf(add(() => undefined, 60))).name).toBe('OutcomeUnknownError');
  });
});
