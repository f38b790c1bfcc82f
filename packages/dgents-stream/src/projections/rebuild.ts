/**
 * A new version is built beside the current one, which goes on being read until the new one has caught up:
 *
 *     current 1 ──▶ 2 is built in keys of its own ──▶ it has caught up: current 2, old [1] ──▶ 1 is erased: old []
 */
import { StateAgent, type Store, UnsupportedError } from 'dgents-core';
import { forgetConsumer } from '../consumers/consumers.js';
import type { AnyEvent } from '../stream/definition.js';
import { idOf, internalKey, modelKey } from './names.js';
import { type Pointer, pointerOf } from './pointer.js';
import type { Projection } from './projection.js';

export class Rebuild<M, E extends AnyEvent> {
  private readonly pointer: StateAgent<Pointer>;
  /** Whether readers are given another version still. */
  isBuilding = false;

  constructor(
    private readonly store: Store,
    private readonly projection: Projection<M, E>,
  ) {
    this.pointer = pointerOf(store, projection.name);
  }

  /**
   * Asked once the checkpoint was read: what is erased was replaced before.
   * @throws UnsupportedError where a newer version is current
   */
  async begin(): Promise<void> {
    const { version, name, id } = this.projection;
    let found = await this.pointer.load();
    if (found.current === 0) {
      found = (
        await this.pointer.update((pointer) =>
          pointer.current === 0 ? { current: version, old: [] } : pointer,
        )
      ).state;
    }
    if (found.current > version) {
      // It was registered again when this processor began.
      await forgetConsumer(this.store, id);
      throw new UnsupportedError(
        `"${id}" was replaced: version ${found.current} of "${name}" is current. Stop this program, or bring it up to date.`,
      );
    }
    this.isBuilding = found.current < version;
    if (found.old.length > 0) await this.erase(found.old);
  }

  /** It has caught up: from now on it is what readers are given. @returns whether it was not before */
  async switch(): Promise<boolean> {
    if (!this.isBuilding) return false;
    const { version } = this.projection;
    const { state } = await this.pointer.update((pointer) =>
      pointer.current < version ? { current: version, old: [...pointer.old, pointer.current] } : pointer,
    );
    this.isBuilding = false;
    await this.erase(state.old);
    return true;
  }

  private async erase(versions: readonly number[]): Promise<void> {
    const { store, projection } = this;
    const { name } = projection;
    for (const version of versions) {
      await forgetConsumer(store, idOf(name, version));
      await store.erase(modelKey(name, version));
      for (const what of ['checkpoint', 'parked', 'lease'] as const) {
        const agent = store.adopt(new StateAgent(store.engine, internalKey(what, name, version)));
        await agent.delete({ erase: true, expected: 'any' });
        await agent.close();
      }
    }
    await this.pointer.update((pointer) => ({
      ...pointer,
      old: pointer.old.filter((version) => !versions.includes(version)),
    }));
  }
}
