/** A store in memory on a medium that can fail and be damaged, and that tells so as it should. */
import type { Backend } from '../../backend.js';
import { StateCorruptionError, StorageUnavailableError } from '../../errors.js';
import type { BackendSubject } from '../subject.js';
import { type Room, type Spoiled, spoiled } from './spoiled-backend.js';

export class Medium {
  down = false;
  readonly damaged = new Set<string>();

  /** Throws what a call about this key has to be told. */
  check(key?: string): void {
    if (this.down) {
      const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      throw new StorageUnavailableError('the server does not answer', { key, cause });
    }
    if (key !== undefined && this.damaged.has(key)) {
      throw new StateCorruptionError('the checksum is wrong', { key, location: key, offset: 0 });
    }
  }
}

/** A backend on this medium. */
export function onMedium(inner: Backend, medium: Medium): Spoiled {
  const checked = async <T>(key: string | undefined, call: () => Promise<T>): Promise<T> => {
    medium.check(key);
    return call();
  };
  return {
    read: (key, options) => checked(key, () => inner.read(key, options)),
    commit: (appends, options) => {
      for (const { key } of appends.slice(1)) medium.check(key);
      return checked(appends[0]?.key, () => inner.commit(appends, options));
    },
    checkpoint: (key, checkpoint) => checked(key, () => inner.checkpoint(key, checkpoint)),
    trim: (key, base) => checked(key, () => inner.trim(key, base)),
    find: (key, ids) => checked(key, () => inner.find!(key, ids)),
    async *range(key, options) {
      medium.check(key);
      yield* inner.range(key, options);
    },
    async *keys(prefix, options) {
      medium.check();
      for await (const each of inner.keys(prefix, options)) {
        yield medium.damaged.has(each.key) ? { key: each.key } : each;
      }
    },
  };
}

/** The hooks with which the kit breaks the medium. */
export const mediumHooks: Pick<BackendSubject<Room<Medium>>, 'damage' | 'outage'> = {
  damage: ({ shared }, key) => {
    shared.damaged.add(key);
  },
  outage: ({ shared }) => {
    shared.down = true;
    return {
      end: () => {
        shared.down = false;
      },
    };
  },
};

/** For faults: `inner` on a medium, and then some methods of that replaced. */
export function spoiledOnMedium(
  spoil: (sound: Backend, medium: Medium, inner: Backend) => Spoiled,
): (inner: Backend, medium: Medium) => Spoiled {
  return (inner, medium) => {
    const sound = onMedium(inner, medium);
    return { ...sound, ...spoil(spoiled(inner, sound), medium, inner) };
  };
}
