/** A toy that runs work of the caller's within a commit, in front of a store that knows nothing of it. */
import type { Append, Backend, CommitOptions } from '../../backend.js';
import { settle } from '../../backend-parts/call.js';
import { checkCommit } from '../../backend-parts/checks.js';
import { WorkFailedError } from '../../errors.js';
import type { Spoiled } from './spoiled-backend.js';

type Within = NonNullable<CommitOptions['within']>;

/** How it goes wrong, if it does. */
export interface JoiningFault {
  /** Runs the work, in place of running it and telling how it failed. */
  readonly run?: (within: Within) => Promise<void>;
  /** Whether the appends fit, in place of looking. */
  readonly fits?: () => boolean;
}

/** Correct unless told otherwise, as far as one writer can tell: there is nothing that the work could write to. */
export function joining(inner: Backend, { run = runOf, fits }: JoiningFault = {}): Spoiled {
  const capabilities = { ...inner.capabilities, joins: true };
  return {
    capabilities,
    ready: async (options) => ({ ...(await inner.ready(options)), joins: true }),
    commit: async (appends, options = {}) => {
      const { within, ...rest } = options;
      if (within === undefined) return inner.commit(appends, rest);
      checkCommit({ name: inner.name, capabilities }, appends, options);
      if (fits?.() ?? (await follow(inner, appends))) {
        await settle(appends[0]!.key, options, () => run(within));
      }
      return inner.commit(appends, rest);
    },
  };
}

async function runOf(within: Within): Promise<void> {
  try {
    await within({});
  } catch (error) {
    throw new WorkFailedError(error);
  }
}

async function follow(inner: Backend, appends: readonly Append[]): Promise<boolean> {
  const heads = await Promise.all(appends.map(async ({ key }) => (await inner.read(key)).head));
  return appends.every(({ expected }, i) => {
    const head = heads[i]!;
    return head?.version === expected?.version && head?.id === expected?.id;
  });
}
