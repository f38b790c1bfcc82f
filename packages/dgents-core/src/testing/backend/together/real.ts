import type { Backend } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';

/** The backend under test through any of several handles, on keys that no other run has. */
export class Real {
  #handles: Backend[];
  #runs = 0;

  constructor(readonly bench: BackendBench) {
    this.#handles = [bench.backend];
  }

  /** Takes keys that no run before it had. */
  begin(): this {
    this.#runs += 1;
    return this;
  }

  get prefix(): string {
    return `run-${this.#runs}/`;
  }

  key(name: string): string {
    return this.prefix + name;
  }

  /** Any number is some handle. */
  handle(number: number): Backend {
    return this.#handles[number % this.#handles.length] as Backend;
  }

  async openAnother(): Promise<void> {
    if (this.#handles.length < 3) this.#handles.push(await this.bench.open());
  }

  async reopen(): Promise<void> {
    this.#handles = [await this.bench.reopen()];
  }
}
