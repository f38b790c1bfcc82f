/** What every database has to answer: the facts about queries, told of one. */
import { Store } from 'dgents-core';
import { Compiler } from '../src/query/compile.js';
import type { Condition } from '../src/query/conditions.js';
import type { Figure } from '../src/query/options.js';
import { SQLAgent } from '../src/sql-agent.js';
import type { SqlBackend } from '../src/urls.js';

interface Person {
  name: string;
  age?: unknown;
  born?: Date;
  address?: { city: string; 'post"code'?: string };
  tags?: string[];
  $odd?: number;
}

const PEOPLE: Readonly<Record<string, Person>> = {
  ada: {
    name: 'Ada',
    age: 36,
    born: new Date('1815-12-10'),
    address: { city: 'London' },
    tags: ['maths', 'code'],
  },
  bob: { name: 'Bob', age: 5.5, address: { city: 'Paris', 'post"code': "7'5001" }, $odd: 1 },
  cleo: { name: 'Cleo', age: '36', born: new Date('1990-01-01'), address: { city: 'London' } },
  dora: { name: 'Dörte 😀', age: null, tags: [] },
  eve: { name: "Robert'); DROP TABLE", age: true },
  fay: { name: 'Fay', age: 10n, $odd: 2 },
  gil: { name: 'G\0l', age: Number.NaN },
};

/** @param open a backend on one place, which is empty at first; each call another handle */
export function describeQueries(name: string, open: (options: { materialize: boolean }) => SqlBackend): void {
  describe(`queries on ${name}`, () => {
    let backend: SqlBackend;
    let agent: SQLAgent<Person>;

    beforeAll(async () => {
      backend = open({ materialize: true });
      const store = new Store(backend);
      await Promise.all(
        Object.entries(PEOPLE).map(([id, person]) => store.agent<Person>(`person:${id}`).save(person)),
      );
      await store.agent('personal').save({ name: 'no person' });
      agent = new SQLAgent<Person>({ backend, key: 'person:ada' });
    });
    afterAll(() => backend.close());

    const found = async (...where: Condition<Person>[]) => {
      const rows = await agent.query({ keys: 'person:', where });
      return rows.map(({ key }) => key.slice('person:'.length)).join(' ');
    };

    test('without conditions all states with the prefix are found, whole, with version and time', async () => {
      const rows = await agent.query({ keys: 'person:' });
      const states = Object.fromEntries(rows.map(({ key, state }) => [key.slice('person:'.length), state]));
      expect(states).toEqual(PEOPLE);
      expect(rows.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1, 1]);
      expect(rows.every(({ savedAt }) => Math.abs(Date.now() - savedAt.getTime()) < 60_000)).toBe(true);
      expect(Object.keys(rows[1]!.state)).toEqual(Object.keys(PEOPLE['bob']!));
    });

    test('without a prefix only the own state is looked at', async () => {
      expect((await agent.query()).map(({ key }) => key)).toEqual(['person:ada']);
      expect(await agent.query({ where: [['name', '=', 'Bob']] })).toEqual([]);
    });

    test.each<[string, Condition<Person>[]]>([
      ['ada', [['name', '=', 'Ada']]],
      ['ada', [['age', '=', 36]]],
      ['cleo', [['age', '=', '36']]],
      ['dora', [['age', '=', null]]],
      ['eve', [['age', '=', true]]],
      ['fay', [['age', '=', 10n]]],
      ['gil', [['age', '=', Number.NaN]]],
      ['gil', [['name', '=', 'G\0l']]],
      ['eve', [['name', '=', "Robert'); DROP TABLE"]]],
      ['cleo', [['born', '=', new Date('1990-01-01')]]],
      ['ada', [['born', '<', new Date('1900-01-01')]]],
      ['bob', [['age', '<', 36]]],
      ['ada bob', [['age', '<=', 36]]],
      ['ada', [['age', '>', 5.5]]],
      ['cleo', [['age', '>=', '3']]],
      ['ada cleo', [[['address', 'city'], '=', 'London']]],
      ['bob', [[['address', 'city'], '!=', 'London']]],
      ['bob', [[['address', 'post"code'], '=', "7'5001"]]],
      ['ada', [[['tags', 1], '=', 'code']]],
      ['ada dora', [['tags', 'exists', true]]],
      ['bob', [['$odd', '=', 1]]],
      ['bob fay', [['$odd', 'in', [1, 2, 3]]]],
      ['', [['$odd', 'in', []]]],
      ['dora', [['name', 'startsWith', 'Dörte 😀']]],
      ['', [['name', 'startsWith', 'ada']]],
      ['', [['name', 'startsWith', 'A%']]],
      [
        'ada bob',
        [
          {
            any: [
              ['name', '=', 'Ada'],
              ['name', '=', 'Bob'],
            ],
          },
        ],
      ],
      [
        'cleo',
        [
          {
            not: {
              any: [
                ['name', '<', 'C'],
                ['name', '>', 'D'],
                ['name', '=', 'G\0l'],
              ],
            },
          },
        ],
      ],
      ['cleo', [['age', 'exists', true], [['address', 'city'], '=', 'London'], { not: ['age', '=', 36] }]],
      ['', [{ any: [] }]],
      ['bob dora eve fay gil', [{ not: ['born', 'exists', true] }]],
    ])('%j are those with %j', async (expected, where) => {
      expect(await found(...where)).toBe(expected);
    });

    test('numbers come before strings before all else, and ends of the order change places', async () => {
      const order = async (descending: boolean) => {
        const rows = await agent.query({ keys: 'person:', orderBy: [{ path: 'age', descending }] });
        return rows.map(({ key }) => key.slice('person:'.length)).join(' ');
      };
      expect(await order(false)).toBe('bob ada cleo dora eve fay gil');
      expect(await order(true)).toBe('ada bob cleo dora eve fay gil');
    });

    test('Dates are in order, and come after numbers and strings', async () => {
      const rows = await agent.query({
        keys: 'person:',
        orderBy: [{ path: 'born', descending: true }],
        limit: 2,
      });
      expect(rows.map(({ key }) => key)).toEqual(['person:cleo', 'person:ada']);
    });

    test('a limit and the last key make pages', async () => {
      const first = await agent.query({ keys: 'person:', limit: 4 });
      const rest = await agent.query({ keys: 'person:', limit: 4, after: first.at(-1)!.key });
      expect([first.length, rest.length, rest[0]?.key]).toEqual([4, 3, 'person:eve']);
      expect(await agent.query({ keys: 'person:', limit: 0 })).toEqual([]);
    });

    test('figures are of numbers alone, by groups or of all', async () => {
      const figures = {
        people: 'count',
        total: ['sum', 'age'],
        mean: ['avg', 'age'],
        youngest: ['min', 'age'],
        oldest: ['max', 'age'],
      } as const;
      expect(await agent.aggregate({ keys: 'person:', figures })).toEqual([
        { people: 7, total: 41.5, mean: 20.75, youngest: 5.5, oldest: 36 },
      ]);
      const byCity = await agent.aggregate({
        keys: 'person:',
        figures: { people: 'count', total: ['sum', 'age'] },
        groupBy: ['address', 'city'],
      });
      expect(new Set(byCity)).toEqual(
        new Set([
          { group: 'London', people: 2, total: 36 },
          { group: 'Paris', people: 1, total: 5.5 },
          { group: undefined, people: 4, total: null },
        ]),
      );
    });

    test('versions and times are bounds', async () => {
      const store = new Store(open({ materialize: true }));
      const counter = store.agent('bounds:counter', { initial: () => ({ count: 0 }) });
      for (let i = 0; i < 3; i++) await counter.update((draft) => void draft.count++);
      const savedAt = (await counter.read()).savedAt as Date;
      const asked = new SQLAgent<{ count: number }>({ backend, key: 'bounds:counter' });
      expect(await asked.query({ version: { from: 3, to: 3 } })).toEqual([
        { key: 'bounds:counter', state: { count: 3 }, version: 3, savedAt },
      ]);
      expect(await asked.query({ version: { from: 4 } })).toEqual([]);
      expect(await asked.query({ savedAt: { to: new Date(savedAt.getTime() - 1) } })).toEqual([]);
      expect(await asked.query({ savedAt: { from: savedAt, to: savedAt } })).toHaveLength(1);
      await store.close();
    });

    test('what is current is found: after updates, deletes, and being written anew', async () => {
      const store = new Store(open({ materialize: true }));
      const state = store.agent<{ n: number }>('current:one', { initial: () => ({ n: 0 }) });
      const asked = new SQLAgent<{ n: number }>({ backend, key: 'current:one' });
      const now = async () => (await asked.query({ keys: 'current:' })).map((row) => row.state.n);
      await Promise.all(Array.from({ length: 20 }, () => state.update((draft) => void draft.n++)));
      expect(await now()).toEqual([20]);
      await state.delete();
      expect(await now()).toEqual([]);
      await state.save({ n: 1 });
      expect(await now()).toEqual([1]);
      await store.transact([state], (draft) => {
        draft.n = 2;
      });
      expect(await now()).toEqual([2]);
      await state.delete({ erase: true });
      expect(await now()).toEqual([]);
      await store.close();
    });

    test('states that were written without documents are found too, and those of several at once', async () => {
      const plain = new Store(open({ materialize: false }));
      const names = Array.from({ length: 120 }, (_, i) => `late:${i}`);
      await Promise.all(names.map((key, n) => plain.agent<{ n: number }>(key).save({ n })));
      const asked = new SQLAgent<{ n: number }>({ backend, key: 'late:0' });
      const count = async () =>
        (await asked.aggregate({ keys: 'late:', figures: { n: 'count', sum: ['sum', 'n'] } }))[0];
      expect(await count()).toEqual({ n: 120, sum: (119 * 120) / 2 });
      await plain.agent<{ n: number }>('late:7').save({ n: 1_007 });
      await plain.agent('late:8').delete();
      expect(await count()).toEqual({ n: 119, sum: (119 * 120) / 2 + 1_000 - 8 });
      await plain.close();
    });

    test('what has expired is not found', async () => {
      const store = new Store(open({ materialize: true }));
      await store.agent<{ n: number }>('brief:one').save({ n: 1 }, { ttlMs: 30 });
      await store.agent<{ n: number }>('brief:two').save({ n: 2 }, { ttlMs: 60_000 });
      await new Promise((resolve) => setTimeout(resolve, 60));
      const asked = new SQLAgent<{ n: number }>({ backend, key: 'brief:one' });
      expect((await asked.query({ keys: 'brief:' })).map((row) => row.key)).toEqual(['brief:two']);
      await store.close();
    });

    test('a query without materialize says what to do, and so does one after close', async () => {
      const plain = open({ materialize: false });
      const asked = new SQLAgent({ backend: plain, key: 'any' });
      await expect(asked.query()).rejects.toMatchObject({
        code: 'DGENTS_UNSUPPORTED',
        message: expect.stringContaining('materialize: true'),
      });
      await asked.close();
      await expect(asked.query()).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
      // The backend stayed open.
      await new Store(plain).close();
    });

    test('an index makes the same answers, and is used', async () => {
      await agent.createIndex(['address', 'city']);
      await agent.createIndex(['address', 'city']);
      await agent.createIndex('born');
      expect(await found([['address', 'city'], '=', 'London'])).toBe('ada cleo');
      const { documents } = backend;
      const explain = name.startsWith('sqlite') ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN';
      for (const where of [
        [['address', 'city'], '=', 'London'],
        [['address', 'city'], 'in', ['London', 'Paris']],
        ['born', '=', new Date('1990-01-01')],
      ] as const) {
        const compiler = new Compiler(documents.dialect, documents.tables);
        const { text, values } = compiler
          .query({ prefix: '' }, { where: [where] })
          .render(documents.dialect.placeholder);
        const plan = await documents.select(`${explain} ${text}`, values, {});
        expect(JSON.stringify(plan)).toMatch(/_by_[0-9a-f]{8}/);
      }
    });

    test.each<[string, () => Promise<unknown>]>([
      ['an operator', () => found(['name', '= 1 OR 1 =' as '=', 'x'])],
      ['a path', () => found([{ name: 1 } as unknown as 'name', '=', 'x'])],
      ['a position', () => found([['tags', -1], '=', 'x'])],
      ['no path', () => found([[] as unknown as 'name', '=', 'x'])],
      ['a value', () => found(['name', '=', { a: 1 } as unknown as string])],
      ['a comparison', () => found(['age', '<', null as unknown as number])],
      ['a comparison with text that has no order', () => found(['name', '<', 'a\0'])],
      ['a figure', () => agent.aggregate({ figures: { x: ['count(*) --' as 'sum', 'age'] } })],
      ['no figures', () => agent.aggregate({ figures: {} })],
      ['a figure by the name of the group', () => agent.aggregate({ figures: { group: 'count' } })],
      ['pages by key in another order', () => agent.query({ after: 'a', orderBy: [{ path: 'name' }] })],
      ['a limit', () => agent.query({ limit: -1 })],
      ['a time', () => agent.query({ savedAt: { from: new Date(Number.NaN) } })],
      ['conditions that are none', () => agent.query({ where: { name: 'Ada' } as never })],
      ['both ways at once', () => agent.query({ where: [{ any: [], not: ['name', '=', 1] } as never] })],
      ['an order', () => agent.query({ orderBy: { path: 'name' } as never })],
      ['more orders than there can be', () => agent.query({ orderBy: Array(21).fill({ path: 'name' }) })],
      ['a last key', () => agent.query({ after: 5 as never })],
      ['a prefix', () => agent.query({ keys: 5 as never })],
      ['a position beyond all arrays', () => found([['tags', 2 ** 31], '=', 'x'])],
      ['a name that no path leads to', () => found(['a\0' as 'name', 'exists', true])],
      ['an index over what is no name', () => agent.createIndex(['address', 'post"code'])],
    ])('%s that makes no sense is refused', async (_, ask) => {
      const error = await ask().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(['TypeError', 'RangeError']).toContain((error as Error | undefined)?.name);
    });

    describe('of states of all kinds', () => {
      /** Saves them under a prefix, and says which are found: their numbers. */
      const among = async (prefix: string, states: readonly unknown[]) => {
        const store = new Store(backend);
        for (const [i, state] of states.entries()) await store.agent(`${prefix}:${i}`).save(state);
        const asked = new SQLAgent<unknown>({ backend, key: `${prefix}:0` });
        const keys = `${prefix}:`;
        const number = ({ key }: { key: string }) => key.slice(keys.length);
        return {
          where: async (...where: Condition<unknown>[]) =>
            (await asked.query({ keys, where })).map(number).join(' '),
          order: async (descending: boolean) =>
            (await asked.query({ keys, orderBy: [{ path: 'x', descending }] })).map(number).join(' '),
          figures: async (figures: Record<string, Figure<unknown>>) =>
            (await asked.aggregate({ keys, figures }))[0],
          groups: async () =>
            (await asked.aggregate({ keys, figures: { n: 'count' }, groupBy: 'x' })).map((row) => [
              row.group,
              row.n,
            ]),
        };
      };

      test('names lead into objects and positions into arrays, also where they look alike', async () => {
        const { where } = await among('alike', [{ x: ['a', 'b'] }, { x: { 0: 'a', '-1': 'b' } }]);
        expect(await where([['x', 0], '=', 'a'])).toBe('0');
        expect(await where([['x', '0'], '=', 'a'])).toBe('1');
        expect(await where([['x', '-1'], '=', 'b'])).toBe('1');
        expect(await where([['x', 2], 'exists', true])).toBe('');
      });

      test('whole numbers beyond 2^53 are found and compared exactly', async () => {
        const [less, more] = [2 ** 60, 2 ** 60 + 2 ** 8];
        const { where } = await among('whole', [{ x: less }, { x: more }, { x: 2 ** 63 }, { x: 1e21 }]);
        expect(await where(['x', '=', less])).toBe('0');
        expect(await where(['x', 'in', [more, 1e21]])).toBe('1 3');
        expect(await where(['x', '>', less])).toBe('1 2 3');
        expect(await where(['x', '<=', more])).toBe('0 1');
      });

      test('-0 is 0, infinities have their order, and figures are of finite numbers', async () => {
        const states = [-0, 0, 2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
        const { where, order, figures, groups } = await among(
          'odd',
          states.map((x) => ({ x })),
        );
        expect(await where(['x', '=', 0])).toBe('0 1');
        expect(await where(['x', 'in', [-0]])).toBe('0 1');
        expect(await where(['x', '!=', 0])).toBe('2 3 4 5');
        expect(await where(['x', '<=', 0])).toBe('0 1 4');
        expect(await where(['x', '>', -1])).toBe('0 1 2 3');
        expect(await where(['x', '=', Number.POSITIVE_INFINITY])).toBe('3');
        expect(await order(false)).toBe('4 0 1 2 3 5');
        expect(await order(true)).toBe('3 2 0 1 4 5');
        expect(await figures({ mean: ['avg', 'x'], most: ['max', 'x'] })).toEqual({ mean: 2 / 3, most: 2 });
        expect((await groups()).slice(1, 3)).toEqual([
          [0, 2],
          [2, 1],
        ]);
      });

      test('a sum that no number can hold is infinite', async () => {
        const { figures } = await among('large', [{ x: 1e308 }, { x: 1e308 }]);
        expect(await figures({ sum: ['sum', 'x'], most: ['max', 'x'] })).toEqual({
          sum: Number.POSITIVE_INFINITY,
          most: 1e308,
        });
      });

      test('Dates of any year come before and after those that are compared with', async () => {
        const years = ['2026-01-01', '+012026-01-01', '-000001-01-01', '0000-01-01'];
        const states = [...years.map((text) => ({ x: new Date(text) })), { x: new Date(Number.NaN) }];
        const { where, order } = await among('years', states);
        expect(await where(['x', '>', new Date('2020-01-01')])).toBe('0 1');
        expect(await where(['x', '<', new Date('2020-01-01')])).toBe('2 3');
        expect(await order(false)).toBe('2 3 0 1 4');
        expect(await order(true)).toBe('1 0 3 2 4');
      });

      test('undefined is as if nothing were there', async () => {
        const { where, groups } = await among('undefined', [
          { x: undefined },
          {},
          { x: null },
          { x: [undefined] },
        ]);
        expect(await where(['x', 'exists', true])).toBe('2 3');
        expect(await where(['x', '!=', 1])).toBe('2 3');
        expect(await where([['x', 0], 'exists', true])).toBe('');
        expect((await groups()).at(-1)).toEqual([undefined, 2]);
      });

      test('groups are those of one text, numbers first and what is missing last', async () => {
        const values = [
          { b: 1, a: 2 },
          { a: 2, b: 1 },
          10,
          9,
          'z',
          1e21,
          [],
          true,
          new Date(0),
          { b: 1, a: 2 },
        ];
        const { groups } = await among('groups', [...values.map((x) => ({ x })), {}]);
        const found = await groups();
        expect(found.map(([group, n]) => [JSON.stringify(group), n])).toEqual([
          ['9', 1],
          ['10', 1],
          ['1e+21', 1],
          ['"z"', 1],
          ['"1970-01-01T00:00:00.000Z"', 1],
          ['[]', 1],
          ['true', 1],
          ['{"a":2,"b":1}', 1],
          ['{"b":1,"a":2}', 2],
          [undefined, 1],
        ]);
      });
    });

    test('groups are decoded as states are, with their classes', async () => {
      class Point {
        constructor(readonly x: number) {}
      }
      const point = {
        name: 'Point',
        type: Point,
        write: ({ x }: Point) => ({ x }),
        read: ({ x }: Record<string, unknown>) => new Point(x as number),
      };
      const asked = new SQLAgent<{ at: Point }>({ backend, key: 'classes:1', codec: { classes: [point] } });
      await asked.save({ at: new Point(1) });
      expect(await asked.aggregate({ figures: { n: 'count' }, groupBy: 'at' })).toEqual([
        { group: new Point(1), n: 1 },
      ]);
    });

    test('conditions look at what is stored; what is found is migrated', async () => {
      const before = new SQLAgent<{ town: string }>({ backend, key: 'schemas:1' });
      await before.save({ town: 'Oslo' });
      const after = new SQLAgent<{ city: string }>({
        backend,
        key: 'schemas:1',
        schemaVersion: 2,
        migrations: { 1: (state) => ({ city: (state as { town: string }).town }) },
      });
      expect((await after.query()).map(({ state }) => state)).toEqual([{ city: 'Oslo' }]);
      expect(await after.query({ where: [['city', '=', 'Oslo']] })).toEqual([]);
      await after.save({ city: 'Bergen' }, { expected: 'any' });
      expect((await after.query({ where: [['city', '=', 'Bergen']] })).map(({ version }) => version)).toEqual(
        [2],
      );
    });

    test('pages hold each state once that is there all along, whatever is written meanwhile', async () => {
      const store = new Store(backend);
      const keep = Array.from({ length: 30 }, (_, i) => `pages:${i}`);
      await Promise.all(keep.map((key) => store.agent(key).save({ n: 0 })));
      const asked = new SQLAgent<{ n: number }>({ backend, key: keep[0]! });
      let isDone = false;
      const write = async () => {
        for (let i = 0; !isDone; i++) {
          await store.agent(keep[i % keep.length]!).save({ n: i }, { expected: 'any' });
          const brief = store.agent(`pages:${i % 50}:brief`);
          await (i % 3 === 0 ? brief.delete({ expected: 'any' }) : brief.save({ n: i }, { expected: 'any' }));
        }
      };
      const writing = Promise.all([write(), write()]);
      for (let round = 0; round < 5; round++) {
        const seen: string[] = [];
        for (let after: string | undefined; ; after = seen.at(-1)) {
          const page = await asked.query({ keys: 'pages:', limit: 7, ...(after !== undefined && { after }) });
          seen.push(...page.map(({ key }) => key));
          if (page.length < 7) break;
        }
        expect(seen.filter((key) => !key.endsWith('brief'))).toEqual(keep.toSorted());
        expect(new Set(seen).size).toBe(seen.length);
      }
      isDone = true;
      await writing;
    });

    test('a question of the largest size is answered, and one beyond it refused before it is sent', async () => {
      const numbers = Array.from({ length: 1_000 }, (_, i) => i);
      expect(await found(['age', 'in', numbers])).toBe('ada');
      expect(await found(['age', 'in', numbers.map(String)])).toBe('cleo');
      expect(await found({ any: numbers.slice(1).map((n) => ['age', '=', n] as const) })).toBe('ada');
      const no: Condition<Person> = ['name', '=', ''];
      let deep: Condition<Person> = { any: [...Array<Condition<Person>>(40).fill(no), ['name', '=', 'Bob']] };
      for (let i = 0; i < 18; i++) deep = { any: [...Array<Condition<Person>>(40).fill(no), deep] };
      expect(await found(deep)).toBe('bob');
      await expect(found({ not: { not: deep } })).rejects.toThrow(RangeError);
      let shared: Condition<Person> = no;
      for (let i = 0; i < 19; i++) shared = { any: Array<Condition<Person>>(100).fill(shared) };
      await expect(found(shared)).rejects.toThrow(RangeError);
      const lists = Array.from({ length: 40 }, () => ['age', 'in', numbers.slice(1)] as const);
      const asked = found(...lists);
      // Postgres takes a list as one value.
      await (name.startsWith('sqlite')
        ? expect(asked).rejects.toThrow(RangeError)
        : expect(asked).resolves.toBe('ada'));
    });

    const FIELDS = [
      ...["'", '"', "x') OR 1=1 --", '\\', '$.name', 'name"', '{', ']', '', 'a,b', 'é\n', '😀', '\u0001'],
      ...['__proto__', 'constructor', 'null', 'NULL', 'true', '0', '-1', '$date', '$1', '?', '$', '#'],
    ];

    test('hostile names of fields find what is there, and break nothing', async () => {
      for (const field of FIELDS) {
        expect(await found([field as 'name', '=', 'Ada'])).toBe('');
        expect(await found([['address', field as 'city'], 'exists', true])).toBe('');
      }
      const store = new Store(open({ materialize: true }));
      await store.agent<object>('hostile:1').save(Object.fromEntries(FIELDS.map((field, i) => [field, i])));
      const asked = new SQLAgent<Record<string, number>>({ backend, key: 'hostile:1' });
      for (const [i, field] of FIELDS.entries()) {
        expect(await asked.query({ where: [[field, '=', i]] })).toHaveLength(1);
        expect(await asked.query({ where: [[field, '=', i + 1]] })).toHaveLength(0);
        expect(await asked.query({ orderBy: [{ path: field }] })).toHaveLength(1);
        const figures = Object.fromEntries([[field, ['max', field] as const]]);
        expect(await asked.aggregate({ figures, groupBy: field })).toEqual([
          Object.fromEntries([
            ['group', i],
            [field, i],
          ]),
        ]);
      }
      await store.close();
    });

    test('hostile values are found as what they are', async () => {
      const store = new Store(backend);
      const values = [
        "'; DROP TABLE dgents_heads; --",
        '$1',
        '?',
        '\\',
        '"',
        '{"$date":null}',
        '{}',
        'NULL',
        '%',
        '😀',
      ];
      for (const [i, value] of values.entries()) await store.agent(`hostile-values:${i}`).save({ value });
      const asked = new SQLAgent<{ value: string }>({ backend, key: 'hostile-values:0' });
      const keys = 'hostile-values:';
      for (const [i, value] of values.entries()) {
        for (const where of [
          ['value', '=', value],
          ['value', 'in', [value, value]],
          ['value', 'startsWith', value],
        ] as const) {
          const rows = await asked.query({ keys, where: [where] });
          expect(rows.map(({ key, state }) => [key, state])).toContainEqual([`${keys}${i}`, { value }]);
          expect(rows.length).toBeLessThanOrEqual(2);
        }
      }
      expect(await asked.query({ keys: "' OR ''='" })).toEqual([]);
      expect(await asked.query({ keys, after: `${keys}' OR ''='` })).toHaveLength(10);
    });
  });
}
