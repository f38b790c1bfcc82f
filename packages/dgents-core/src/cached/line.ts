/** A line to stand in: one at a time, in the order of coming. */

export class Line {
  private last: Promise<void> | undefined;

  /** Whether nobody is inside, and nobody waits. */
  get isEmpty(): boolean {
    return this.last === undefined;
  }

  /** Resolves when it is one's turn, with what ends it. Whoever no longer wants the turn has to end it all the same. */
  async enter(): Promise<() => void> {
    const before = this.last;
    let leave!: () => void;
    const left = new Promise<void>((resolve) => {
      leave = () => {
        if (this.last === left) this.last = undefined;
        resolve();
      };
    });
    this.last = left;
    await before;
    return leave;
  }

  /** Once all who are in the line now have left. */
  passed(): Promise<void> {
    return this.last ?? Promise.resolve();
  }
}
