/** How a fact can end, other than by holding. Failed assertions are node's own `AssertionError`. */

/** A call has not settled within the kit's patience. */
export class Hung extends Error {
  override readonly name = 'Hung';

  constructor(call: string, patienceMs: number) {
    super(`${call} has not settled within ${patienceMs} ms: it hangs.`);
  }
}

/** The fact rests on a promise that was found broken, so its failure would say nothing. */
export class NotJudged extends Error {
  override readonly name = 'NotJudged';

  constructor(broken: readonly string[]) {
    super(`Not judged: this rests on ${broken.join(', ')}, which failed. Mend that first.`);
    // There is nothing to look for where it was made, and runners print it once for every test.
    this.stack = `${this.name}: ${this.message}`;
  }
}

/** The subject was handed in wrongly. */
export class SubjectError extends TypeError {
  override readonly name = 'SubjectError';
}
