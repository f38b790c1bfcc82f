/** Runs jobs one after another. A job that comes while none runs starts at once, in the same tick. */
export class Turns {
  #last: Promise<unknown> | undefined;

  get isIdle(): boolean {
    return this.#last === undefined;
  }

  run<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.#last === undefined ? job() : this.#last.then(job, job);
    this.#last = turn;
    const done = (): void => {
      if (this.#last === turn) this.#last = undefined;
    };
    turn.then(done, done);
    return turn;
  }
}
