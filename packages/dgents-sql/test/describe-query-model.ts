/** What a database finds is what the promises say, whatever is stored and whatever is asked. */
import { Store } from 'dgents-core';
import fc from 'fast-check';
import { SQLAgent } from '../src/sql-agent.js';
import type { SqlBackend } from '../src/urls.js';
import {
  aggregateOf,
  type PlaceSpec,
  placeSpec,
  type QuerySpec,
  queryOf,
  querySpec,
  type StateSpec,
  stateValue,
} from './query-arbitraries.js';
import { aggregated, type ModelState, queried, textOf } from './query-model.js';

const RUNS = process.env['DGENTS_KIT_EFFORT'] === 'long' ? 1_000 : 16;
const START_MS = 1_700_000_000_000;
const { DGENTS_KIT_SEED } = process.env;

/** @param open a backend on one place; each call another handle */
export function describeQueryModel(
  name: string,
  open: (options: { materialize: boolean }) => SqlBackend,
): void {
  const seed = DGENTS_KIT_SEED === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(DGENTS_KIT_SEED);

  test(`queries on ${name} answer as plain JavaScript does (DGENTS_KIT_SEED=${seed})`, async () => {
    const place = new Place(open);
    const law = fc.asyncProperty(
      placeSpec,
      fc.array(querySpec, { minLength: 1, maxLength: 30, size: 'max' }),
      async (states, queries) => place.compare(states, queries),
    );
    try {
      await fc.assert(law, { seed, numRuns: RUNS });
    } finally {
      await place.close();
    }
  }, 600_000);
}

export class Place {
  #now = START_MS;
  #rounds = 0;
  readonly #backend: SqlBackend;
  readonly #documented: Store;
  readonly #plain: Store;

  constructor(open: (options: { materialize: boolean }) => SqlBackend) {
    const clock = () => this.#now;
    this.#backend = open({ materialize: true });
    this.#documented = new Store(this.#backend, { clock });
    this.#plain = new Store(open({ materialize: false }), { clock });
  }

  async compare({ common, states: specs }: PlaceSpec, questions: readonly QuerySpec[]): Promise<void> {
    const prefix = `${this.#rounds++}:`;
    const states: ModelState[] = [];
    for (const [i, spec] of specs.entries()) {
      const state = await this.#save(`${prefix}${i}${spec.suffix}`, stateValue(spec, common), spec);
      if (!spec.isDeleted) states.push(state);
    }
    const known = {
      values: states.map(({ value }) => value),
      keys: states.map(({ key }) => key),
      times: states.map(({ savedAt }) => savedAt),
    };
    const agent = new SQLAgent<unknown>({ backend: this.#backend, key: `${prefix}0` });
    const keys = prefix;
    for (const question of questions) {
      const query = queryOf(question, known);
      const found = await agent.query({ keys, ...query });
      expect({ query, found: found.map(({ key, version, savedAt }) => ({ key, version, savedAt })) }).toEqual(
        {
          query,
          found: queried(states, query).map(({ key, version, savedAt }) => ({ key, version, savedAt })),
        },
      );
      for (const { key, state } of found)
        expect(textOf(state)).toBe(textOf(states.find((each) => each.key === key)?.value));
      const asked = aggregateOf(question, known);
      const rows = await agent.aggregate({ keys, ...asked });
      const expected = aggregated(states, asked);
      expect({ asked, groups: rows.map(({ group }) => textOf(group)) }).toEqual({
        asked,
        groups: expected.map(({ group }) => group),
      });
      for (const [i, row] of rows.entries()) {
        for (const [name, { value, within }] of expected[i]!.figures) {
          const figure = Object.getOwnPropertyDescriptor(row, name)?.value as number | null;
          const isClose =
            value === null || figure === null ? value === figure : Math.abs(value - figure) <= within;
          if (!isClose && Number.isFinite(within))
            expect({ asked, name, figure }).toEqual({ asked, name, figure: value });
        }
      }
    }
  }

  async #save(key: string, value: unknown, { saves, isBehind, isDeleted }: StateSpec): Promise<ModelState> {
    const documented = this.#documented.agent<unknown>(key);
    const last = isBehind ? this.#plain.agent<unknown>(key) : documented;
    this.#now += 1_000;
    for (let i = 1; i < saves; i++) await documented.save({ draft: i });
    this.#now += 1_000;
    await last.save(value, { expected: 'any' });
    if (isDeleted) await last.delete();
    return { key, value, version: saves, savedAt: new Date(this.#now) };
  }

  async close(): Promise<void> {
    await this.#documented.close();
    await this.#plain.close();
  }
}
