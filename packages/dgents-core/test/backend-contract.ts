import type { Backend, BackendCapabilities } from '../src/backend.js';
import { describeAppends } from './backend-contract/appends.js';
import { describeAtomicity } from './backend-contract/atomicity.js';
import { describeClose } from './backend-contract/close.js';
import { describeData } from './backend-contract/data.js';
import { describeFeed } from './backend-contract/feed.js';
import { describeKeys } from './backend-contract/keys.js';
import { describeReads } from './backend-contract/reads.js';
import { describeTrim } from './backend-contract/trim.js';
import { describeVanishing } from './backend-contract/ttl-find-watch.js';

/** An empty store of its own for one test. */
export interface OpenedBackend {
  readonly backend: Backend;
  /** Closes the backend and opens what it left behind. */
  readonly reopen?: () => Promise<Backend>;
  /** Another handle on the same logs, as another process or another part of this one would hold it. */
  readonly second?: () => Promise<Backend>;
  /** Moves the backend's clock forward. Without it, tests of the time to live wait. */
  readonly advance?: (ms: number) => void;
  destroy(): Promise<void>;
}

/** What a backend claims. Tests are chosen by it before any backend is open, and it is held against `capabilities`. */
export interface ContractFacts
  extends Partial<
    Pick<BackendCapabilities, 'atomicity' | 'feed' | 'orderedKeys' | 'ttl' | 'values' | 'watch'>
  > {
  /** Whether the method `find` is there. */
  readonly find?: boolean;
  /** Whether `open` gives `reopen`. */
  readonly reopen?: boolean;
  /** Whether `open` gives `second`. */
  readonly second?: boolean;
}

/** What each part of the contract is given. The functions are called within tests. */
export interface Contract {
  readonly facts: Required<ContractFacts>;
  readonly backend: () => Backend;
  readonly opened: () => OpenedBackend;
}

/** The least that a backend may claim. */
const NOTHING_CLAIMED: Required<ContractFacts> = {
  atomicity: 'key',
  feed: false,
  orderedKeys: false,
  ttl: false,
  values: false,
  watch: false,
  find: false,
  reopen: false,
  second: false,
};

/** The port's contract, as tests: see `src/backend.ts`. Each test has an empty store. */
export function describeBackendContract(
  name: string,
  open: () => Promise<OpenedBackend>,
  claimed: ContractFacts = {},
): void {
  const facts = { ...NOTHING_CLAIMED, ...claimed };
  describe(`backend contract: ${name}`, () => {
    let current: OpenedBackend;
    beforeEach(async () => {
      current = await open();
    });
    afterEach(() => current.destroy());

    const contract: Contract = { facts, backend: () => current.backend, opened: () => current };

    test('the capabilities are those that are tested here', async () => {
      const { find, reopen, second, ...capabilities } = facts;
      expect(await current.backend.ready()).toMatchObject(capabilities);
      const there = { find: current.backend.find, reopen: current.reopen, second: current.second };
      for (const [key, claim] of Object.entries({ find, reopen, second })) {
        expect([key, there[key as 'find'] !== undefined]).toEqual([key, claim]);
      }
    });

    describeReads(contract);
    describeAppends(contract);
    describeAtomicity(contract);
    describeTrim(contract);
    describeKeys(contract);
    describeData(contract);
    describeVanishing(contract);
    describeFeed(contract);
    describeClose(contract);
  });
}
