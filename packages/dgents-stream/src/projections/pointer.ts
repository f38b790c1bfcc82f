/** Which version of a projection its readers are given. */
import { StateAgent, type Store } from 'dgents-core';
import { pointerKey } from './names.js';

export interface Pointer {
  /** 0: none was ever built. */
  readonly current: number;
  /** Versions that are read no more, and are being erased. */
  readonly old: readonly number[];
}

export function pointerOf(store: Store, name: string): StateAgent<Pointer> {
  const agent = new StateAgent<Pointer>(store.engine, pointerKey(name), {
    initial: () => ({ current: 0, old: [] }),
    retain: { versions: 1 },
  });
  return store.adopt(agent);
}
