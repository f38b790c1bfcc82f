import type { FactReport } from 'dgents-core/testing';
import type { Output } from './main.js';

const CLEAR_LINE = '\r\u001b[2K';

/** One line on a terminal that says how far the run has come; nothing anywhere else. */
export class Progress {
  #facts = 0;
  #fails = 0;

  constructor(private readonly err: Output) {}

  readonly fact = ({ promise, about, outcome }: FactReport): void => {
    this.#facts += 1;
    if (outcome === 'fails') this.#fails += 1;
    const failed = this.#fails === 0 ? '' : `, ${this.#fails} FAILED`;
    const where = about === undefined ? promise : `${promise}, ${about}`;
    this.#show(`${CLEAR_LINE}  ${this.#facts} facts${failed}: ${where}`);
  };

  end(): void {
    this.#show(CLEAR_LINE);
  }

  #show(text: string): void {
    if (this.err.isTTY === true) this.err.write(text);
  }
}
