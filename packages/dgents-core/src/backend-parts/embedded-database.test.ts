import {
  AgentClosedError,
  OutcomeUnknownError,
  StorageFullError,
  StorageUnavailableError,
  UnsupportedError,
} from '../errors.js';
import { EmbeddedDatabase } from './embedded-database.js';

interface Fake {
  readonly number: number;
  state: 'open' | 'closing' | 'closed';
}

/** Counts what is done with it; what is thrown in `failing` fails that step until it is taken away. */
class Medium {
  readonly opened: Fake[] = [];
  readonly failing: { open?: Error; transaction?: Error; commit?: Error; close?: Error } = {};
  transactions = 0;

  readonly database = new EmbeddedDatabase<Fake>({
    location: '/data',
    open: async () => {
      await new Promise(setImmediate);
      this.#step('open');
      const fake: Fake = { number: this.opened.length + 1, state: 'open' };
      this.opened.push(fake);
      return fake;
    },
    transaction: async (fake, work) => {
      this.transactions++;
      this.#step('transaction');
      const result = work();
      await new Promise(setImmediate);
      if (fake.state !== 'open') throw new Error('closed while it was used');
      this.#step('commit');
      return result;
    },
    close: async (fake) => {
      fake.state = 'closing';
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      fake.state = 'closed';
      this.#step('close');
    },
  });

  #step(name: keyof Medium['failing']): void {
    const error = this.failing[name];
    if (error !== undefined) throw error;
  }
}

const numberOf = (fake: Fake) => fake.number;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: on purpose`), { code });
}

let medium: Medium;
let database: EmbeddedDatabase<Fake>;

beforeEach(() => {
  medium = new Medium();
  database = medium.database;
});

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error) => error,
  );
}

describe('opening', () => {
  test('happens with the first call, once for all that come', async () => {
    await new Promise(setImmediate);
    expect(medium.opened).toHaveLength(0);
    const calls = [database.use('a', numberOf), database.write('b', numberOf), database.use('c', numberOf)];
    expect(await Promise.all(calls)).toEqual([1, 1, 1]);
    expect(await database.use('a', numberOf)).toBe(1);
    expect(medium.opened).toHaveLength(1);
  });

  test('that fails is told to all who wait for it, and tried again by the next', async () => {
    medium.failing.open = systemError('EACCES');
    const calls = [database.use('a', numberOf), database.write('b', numberOf, 'id')];
    for (const [i, call] of calls.entries()) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error).toMatchObject({ key: 'ab'[i], cause: medium.failing.open });
      expect(error).toMatchObject({ message: expect.stringContaining('/data: Permission denied') });
    }
    delete medium.failing.open;
    expect(await database.use('a', numberOf)).toBe(1);
  });

  test('may throw instead of rejecting', async () => {
    const open = (): Fake => {
      throw systemError('ENOSPC');
    };
    const failing = new EmbeddedDatabase<Fake>({
      location: '/data',
      open,
      transaction: (_, work) => work(),
      close: () => undefined,
    });
    expect(await rejection(failing.use('a', numberOf))).toBeInstanceOf(StorageFullError);
    await failing.close();
  });
});

describe('a use', () => {
  test('that throws is a typed error with key and cause', async () => {
    const cause = new Error('on purpose');
    const fail = () => {
      throw cause;
    };
    const error = await rejection(database.use('a', fail));
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ key: 'a', cause, message: 'Cannot use /data: on purpose' });
  });

  test.each([new UnsupportedError('on purpose'), new TypeError('on purpose'), new RangeError('on purpose')])(
    'that throws %p throws that',
    async (given) => {
      const fail = async () => {
        throw given;
      };
      expect(await rejection(database.use('a', fail))).toBe(given);
    },
  );
});

describe('a write', () => {
  test('shares its transaction with those of the same turn, also while it is opened', async () => {
    const writes = ['a', 'b', 'c'].map((key) => database.write(key, () => key));
    expect(await Promise.all(writes)).toEqual(['a', 'b', 'c']);
    expect(medium.transactions).toBe(1);
  });

  test.each(['transaction', 'commit'] as const)('that fails in its %s may have happened', async (step) => {
    const cause = systemError('EIO');
    medium.failing[step] = cause;
    const error = await rejection(database.write('a', numberOf, 'id 1'));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ key: 'a', operationId: 'id 1', cause });
  });

  test('that fails for want of space has not', async () => {
    medium.failing.commit = systemError('ENOSPC');
    const error = await rejection(database.write('a', numberOf, 'id 1'));
    expect(error).toBeInstanceOf(StorageFullError);
    expect(error).toMatchObject({ key: 'a', cause: medium.failing.commit });
  });

  test('that nobody has to know about is no operation whose outcome is unknown', async () => {
    medium.failing.commit = systemError('EIO');
    const error = await rejection(database.write('a', numberOf));
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ key: 'a', cause: medium.failing.commit });
  });

  test('tells each who shared the transaction about its own operation', async () => {
    medium.failing.commit = systemError('EIO');
    const writes = ['a', 'b'].map((key) => rejection(database.write(key, numberOf, `id ${key}`)));
    expect(await Promise.all(writes)).toMatchObject([
      { key: 'a', operationId: 'id a' },
      { key: 'b', operationId: 'id b' },
    ]);
  });

  test('that throws a typed error throws that, and neither closes nor disturbs anything', async () => {
    const refused = new UnsupportedError('on purpose');
    const fail = () => {
      throw refused;
    };
    const writes = [rejection(database.write('a', fail, 'id 1')), database.write('b', numberOf, 'id 2')];
    expect(await Promise.all(writes)).toEqual([refused, 1]);
    expect(medium.opened).toMatchObject([{ state: 'open' }]);
  });
});

describe('after a transaction that failed', () => {
  test('the database is closed, and opened anew by the next call', async () => {
    medium.failing.commit = systemError('EIO');
    await rejection(database.write('a', numberOf, 'id 1'));
    delete medium.failing.commit;
    expect(await database.write('a', numberOf, 'id 1')).toBe(2);
    expect(medium.opened).toMatchObject([{ state: 'closed' }, { state: 'open' }]);
  });

  test('those that already waited for the next one are written', async () => {
    medium.failing.commit = systemError('EIO');
    const first = rejection(database.write('a', numberOf, 'id 1'));
    while (medium.transactions === 0) await new Promise(setImmediate);
    const second = database.write('b', numberOf, 'id 2');
    expect(await first).toBeInstanceOf(OutcomeUnknownError);
    delete medium.failing.commit;
    expect(await second).toBe(2);
  });

  test('nothing is opened before it is closed', async () => {
    medium.failing.transaction = systemError('EIO');
    const write = rejection(database.write('a', numberOf, 'id 1'));
    while (medium.transactions === 0) await new Promise(setImmediate);
    expect(medium.opened).toMatchObject([{ state: 'closing' }]);
    await database.use('a', ({ number }) => {
      expect([number, medium.opened[0]!.state]).toEqual([2, 'closed']);
    });
    await write;
  });

  test('its error is told, also when closing fails too', async () => {
    const cause = systemError('EIO');
    Object.assign(medium.failing, { commit: cause, close: new Error('cannot close either') });
    const error = await rejection(database.write('a', numberOf, 'id 1'));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect((error as OutcomeUnknownError).cause).toBe(cause);
  });
});

describe('closing', () => {
  test('waits for the writes that were accepted, and refuses what comes later', async () => {
    const accepted = [database.write('a', numberOf), database.write('b', numberOf)];
    const closed = database.close();
    const later = [database.use('c', numberOf), database.write('d', numberOf, 'id')].map(rejection);
    expect(await Promise.all(accepted)).toEqual([1, 1]);
    await closed;
    expect(medium.opened).toMatchObject([{ state: 'closed' }]);
    for (const error of await Promise.all(later)) expect(error).toBeInstanceOf(AgentClosedError);
    expect(await later[0]).toMatchObject({ key: 'c' });
  });

  test('waits for a write that is under way, and for those behind it', async () => {
    const first = database.write('a', numberOf);
    while (medium.transactions === 0) await new Promise(setImmediate);
    const second = database.write('b', numberOf);
    await database.close();
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(medium.transactions).toBe(2);
  });

  test('before anything was opened opens nothing', async () => {
    await database.close();
    expect(medium.opened).toHaveLength(0);
  });

  test('closes once, however often it is asked to', async () => {
    await database.use('a', numberOf);
    const closed = [database.close(), database.close()];
    await Promise.all(closed);
    medium.failing.close = new Error('closed twice');
    await database.close();
  });

  test('after an opening that failed has nothing to close', async () => {
    medium.failing.open = systemError('EIO');
    const use = rejection(database.use('a', numberOf));
    await database.close();
    expect(await use).toBeInstanceOf(StorageUnavailableError);
  });

  test('after a transaction that failed leaves nothing open', async () => {
    medium.failing.commit = systemError('EIO');
    const write = rejection(database.write('a', numberOf, 'id 1'));
    await database.close();
    expect(await write).toBeInstanceOf(OutcomeUnknownError);
    expect(medium.opened).toMatchObject([{ state: 'closed' }]);
  });
});
