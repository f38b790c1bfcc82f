/** A read model as its readers see it: of the version that has caught up, whichever that is. */
import type { CallOptions, Position, StateAgent, Store, Version, Versioned, WatchOptions } from 'dgents-core';
import { type Pointer, pointerOf } from './pointer.js';

/** What a read model is made of: {@link Projection} is. */
interface Modelled<M> {
  readonly name: string;
  readonly version: number;
  agent(store: Store, version: number, part?: string): StateAgent<M>;
}

/** A read model, and the version of the projection that made it. */
export interface ReadModelState<M> extends Versioned<M> {
  readonly projectionVersion: number;
  /** The last place of the feed that is in it, where the checkpoint lies with the model. */
  readonly position: Position | undefined;
  /** The last version of the stream that is in it, where one stream is projected. */
  readonly streamVersion: Version | undefined;
}

export class ReadModel<M> {
  private readonly pointer: StateAgent<Pointer>;
  private known: { readonly version: number; readonly agent: StateAgent<M> } | undefined;

  /** @internal */
  constructor(
    private readonly store: Store,
    private readonly projection: Modelled<M> & { readonly definition: object },
    private readonly part: string | undefined,
  ) {
    this.pointer = pointerOf(store, projection.name);
  }

  /** The model as it is now; what `initial` gives where no event changed it yet. */
  async load(options?: CallOptions): Promise<M> {
    return (await this.read(options)).state;
  }

  /** The same, with where it stands. */
  async read(options?: CallOptions): Promise<ReadModelState<M>> {
    for (;;) {
      const { version, agent } = await this.current(options);
      const found = await agent.read(options);
      const isErased = found.head?.deleted === true;
      // What is no longer current is erased: another one is.
      if (isErased && (await this.current(options)).version !== version) continue;
      const { position, version: streamVersion } = (found.meta ?? {}) as {
        position?: string;
        version?: number;
      };
      return Object.defineProperties(
        { projectionVersion: version, position, streamVersion },
        Object.getOwnPropertyDescriptors(found),
      ) as ReadModelState<M>;
    }
  }

  /** Its address, for queries and tools. It changes with each version. */
  async key(options?: CallOptions): Promise<string> {
    return (await this.current(options)).agent.key;
  }

  /** The model as it is, then newer ones as they come, also those of a newer version of the projection. */
  async *watch(options: WatchOptions = {}): AsyncGenerator<M, void, undefined> {
    while (options.signal?.aborted !== true) {
      const { version, agent } = await this.current();
      const turn = new AbortController();
      const end = (): void => turn.abort();
      options.signal?.addEventListener('abort', end, { once: true });
      void this.outdated(version, turn);
      try {
        for await (const found of agent.watch({ ...options, signal: turn.signal })) {
          if (!found.deleted) yield (found as Versioned<M>).state;
        }
        // Closed, with its store.
        if (!turn.signal.aborted) return;
      } finally {
        options.signal?.removeEventListener('abort', end);
        turn.abort();
      }
    }
  }

  /** Ends a turn once another version is current. */
  private async outdated(version: number, turn: AbortController): Promise<void> {
    try {
      for await (const { deleted, ...found } of this.pointer.watch({ signal: turn.signal })) {
        if (!deleted && (found as Versioned<Pointer>).state.current !== version) return turn.abort();
      }
    } catch {
      // The watch of the model meets the same, and tells.
    }
  }

  private async current(options?: CallOptions): Promise<{ version: number; agent: StateAgent<M> }> {
    const { current } = await this.pointer.load(options);
    const version = current === 0 ? this.projection.version : current;
    if (this.known?.version !== version)
      this.known = { version, agent: this.projection.agent(this.store, version, this.part) };
    return this.known;
  }
}
