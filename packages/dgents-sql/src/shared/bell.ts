/** Tells whoever listens in this process that something has changed in a place. */
export class Bell {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Returns how to stop. */
  listen(place: string, listener: () => void): () => void {
    const peers = this.#listeners.get(place) ?? new Set();
    this.#listeners.set(place, peers.add(listener));
    return () => {
      peers.delete(listener);
      if (peers.size === 0 && this.#listeners.get(place) === peers) this.#listeners.delete(place);
    };
  }

  ring(place: string): void {
    for (const listener of this.#listeners.get(place) ?? []) listener();
  }
}
