import type { DataAgent, LoadOptions, SaveOptions, Versioned } from '../../data-agent.js';
import { AgentClosedError, StorageTimeoutError, UnsupportedError } from '../../errors.js';
import { describeWrapper, type KitReport, runWrapperKit, type WrapperSubject } from '../index.js';
import { BoxLens, boxed } from './testing/box-lens.js';
import { PassThrough } from './testing/pass-through.js';

describeWrapper({
  describe,
  test,
  name: 'a wrapper that changes nothing',
  wrap: (inner) => new PassThrough(inner),
});

describeWrapper({ describe, test, name: 'a lens', ...boxed });

describeWrapper({
  describe,
  test,
  name: 'a lens without delete',
  ...boxed,
  claims: { ...boxed.claims, delete: false },
  wrap: (inner: Parameters<typeof boxed.wrap>[0]) =>
    new (class extends BoxLens {
      override async delete(): Promise<boolean> {
        throw new UnsupportedError('A part of a state cannot be deleted.');
      }
    })(inner),
});

/** Wrappers that are wrong in one place, and the fact that has to find it. */
const BUGS: Record<string, [(inner: DataAgent<unknown>) => DataAgent<unknown>, string]> = {
  'drops the options of save': [
    (inner) =>
      new (class extends PassThrough {
        override save(state: unknown): Promise<number> {
          return super.save(state);
        }
      })(inner),
    'save is one save inside, with operation id, meta and time to live',
  ],
  'loses the limit of history': [
    (inner) =>
      new (class extends PassThrough {
        override history(): Promise<unknown[]> {
          return super.history();
        }
      })(inner),
    'history is passed on once, with its limit',
  ],
  'tries what failed again': [
    (inner) =>
      new (class extends PassThrough {
        override load(...args: Parameters<DataAgent<unknown>['load']>): Promise<unknown> {
          return super.load(...args).catch(() => super.load(...args));
        }
      })(inner),
    'a failure inside comes out of load, with code and cause, and is not tried again',
  ],
  'leaves the timeline inside open': [
    (inner) =>
      new (
        class extends PassThrough {
          override async *timeline(...args: Parameters<DataAgent<unknown>['timeline']>) {
            const iterator = super.timeline(...args)[Symbol.asyncIterator]();
            for (let step = await iterator.next(); !step.done; step = await iterator.next()) yield step.value;
          }
        } as unknown as typeof PassThrough
      )(inner),
    'a reader of the timeline that stops ends the one inside',
  ],
  'claims more than the agent inside': [
    (inner) =>
      new (class extends PassThrough {
        override get capabilities() {
          return { ...super.capabilities, durability: 'power' as const };
        }
      })(inner),
    'capabilities are those of the agent inside, except where claimed otherwise',
  ],
  'forgets to close the agent inside': [
    (inner) =>
      new (class extends PassThrough {
        override async close(): Promise<void> {}
      })(inner),
    'close closes the agent inside, once',
  ],
};

describe('a wrapper that', () => {
  for (const [name, [wrap, caughtBy]] of Object.entries(BUGS)) {
    test(`${name} is found out, and nothing else is blamed`, async () => {
      const report = await runWrapperKit({ name, wrap });
      expect(report.ok).toBe(false);
      expect(failed(report).map((fact) => fact.promise)).toEqual(failed(report).map(() => 'forwarding'));
      expect(failed(report).map((fact) => fact.name)).toContain(caughtBy);
    });
  }
});

/** Asks inside once, shared by all who wait; each gives up by itself. Knows nothing of other writers. */
class Cache extends PassThrough {
  #asked: Promise<Versioned<unknown>> | undefined;

  override async read(options: LoadOptions = {}): Promise<Versioned<unknown>> {
    if (options.at !== undefined || options.frozen) return super.read(options);
    this.#asked ??= super.read();
    const { signal, timeoutMs = 5_000 } = options;
    return new Promise((resolve, reject) => {
      const late = new StorageTimeoutError('too late', { timeoutMs });
      const timer = setTimeout(() => reject(late), timeoutMs);
      signal?.addEventListener('abort', () => reject(signal.reason));
      this.#asked?.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  override async load(options?: LoadOptions): Promise<unknown> {
    const { state } = await this.read(options);
    return options?.frozen ? state : structuredClone(state);
  }
}

/** Says that it has written before it has. */
class WriteBehind extends PassThrough {
  #written: Promise<unknown> = Promise.resolve();
  #saves = 0;

  override get capabilities() {
    return { ...super.capabilities, conflicts: 'deferred' as const };
  }

  override async save(state: unknown, options?: SaveOptions): Promise<number> {
    const taken = structuredClone(state);
    this.#written = this.#written.then(() => super.save(taken, options));
    return ++this.#saves;
  }

  override async update(...args: Parameters<PassThrough['update']>): Promise<Versioned<unknown>> {
    await this.#written;
    return super.update(...args);
  }

  override async close(): Promise<void> {
    await this.#written;
    await super.close();
  }
}

class LeavesOpen extends PassThrough {
  #isClosed = false;

  override load(options?: LoadOptions): Promise<unknown> {
    return this.#isClosed ? Promise.reject(new AgentClosedError('closed')) : super.load(options);
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
  }
}

/** What a wrapper does otherwise, by a claim. Only what it passes on is looked at: these are no complete wrappers. */
const CLAIMS: Record<string, Pick<WrapperSubject, 'claims' | 'wrap' | 'inner'>> = {
  'answers reads itself': { claims: { reads: 'cached' }, wrap: (inner) => new Cache(inner) },
  'writes later': { claims: { conflicts: 'deferred' }, wrap: (inner) => new WriteBehind(inner) },
  'leaves the agent inside open': { claims: { closesInner: false }, wrap: (inner) => new LeavesOpen(inner) },
  'saves by update': {
    claims: { saves: 'by update' },
    // An update starts from what is there; for the first one that is a default.
    inner: (settings) => ({ initial: () => null, ...settings }),
    wrap: (inner) =>
      new (class extends PassThrough {
        override async save(state: unknown, options?: SaveOptions): Promise<number> {
          return (await super.update(() => state, options)).version;
        }
      })(inner),
  },
};

describe('a wrapper that, as it claims,', () => {
  for (const [name, { claims = {}, ...subject }] of Object.entries(CLAIMS)) {
    test(`${name} passes, and does not without the claim`, async () => {
      const only = 'forwarding';
      expect(failed(await runWrapperKit({ name, claims, ...subject }, { only }))).toEqual([]);
      expect((await runWrapperKit({ name, ...subject }, { only })).ok).toBe(false);
    });
  }
});

const failed = ({ facts }: KitReport) => facts.filter(({ outcome }) => outcome === 'fails');
