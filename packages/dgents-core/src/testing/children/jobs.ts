/** What a child process can be asked to do. All of it survives JSON. */

/** Where a child gets its subject from. */
export interface Given {
  /** URL of the module that exports `open`. */
  readonly module: string;
  readonly place: unknown;
}

/**
 * When a child kills itself, counted from the append number `append`: right after the call gave its promise, so many
 * microtasks or turns of the event loop later, right after it was acknowledged; or while it does something else.
 */
export interface KillPoint {
  readonly append: number;
  readonly at: 'called' | 'microtasks' | 'turns' | 'acknowledged' | 'closing' | 'trimming' | 'checkpointing';
  readonly count?: number;
}

export type Job =
  /** Opens when told, then adds one to the count under each of its keys so many times. Tells { wins } or { failed }. */
  | { readonly do: 'count'; readonly keys: readonly string[]; readonly times: number }
  /** Reads and commits on one key when told. Tells { operations }. */
  | { readonly do: 'record'; readonly key: string; readonly client: string; readonly times: number }
  /**
   * Appends to a log whose every version is known. Tells the version it { found }, each append that is { sent } if
   * asked to, and what was { acked }; goes on until it is killed.
   */
  | {
      readonly do: 'write';
      readonly key: string;
      /** Trims and offers checkpoints all the while. */
      readonly trims: boolean;
      readonly tellsSent?: boolean;
      readonly kill?: KillPoint;
    }
  /** Opens a handle, writes, reads and leaves it open. Tells { read }, and has to exit by itself. */
  | { readonly do: 'idle'; readonly key: string }
  /** Opens an agent when told, and updates it so many times. Tells { versions } or { failed }. */
  | { readonly do: 'update'; readonly key: string; readonly times: number }
  /** Saves and updates in turn, each state that of the next number. Tells { found } and then each { acked }; goes on until it is killed. */
  | { readonly do: 'save'; readonly key: string; readonly kill?: KillPoint }
  /** Opens an agent, updates, loads and leaves it open. Tells { read }, and has to exit by itself. */
  | { readonly do: 'idle agent'; readonly key: string }
  /** Opens a stream when told, and appends so many events that say who it is. Tells { versions } or { failed }. */
  | { readonly do: 'append'; readonly key: string; readonly who: number; readonly times: number }
  /** Appends events by number, each append under a message id. Tells { found } and then each { acked }; goes on until it is killed. */
  | { readonly do: 'append numbered'; readonly key: string; readonly kill?: KillPoint };

/** A line that a child tells. */
export type Message = Readonly<Record<string, unknown>>;
