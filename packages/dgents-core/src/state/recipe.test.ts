import fc from 'fast-check';
import { anyChoices, edit } from '../../test/edits.js';
import { anyValue, classes, objectsIn } from '../../test/values.js';
import { EXOTIC, KEYED_BY_OBJECTS, TAGGED } from '../codec/traits.js';
import { StateSerializationError } from '../errors.js';
import { Replay } from './apply.js';
import { Definition } from './definition.js';
import { changeByRecipe, type Recipe } from './recipe.js';
import { NOTHING, type Snapshot } from './replica.js';

const definition = new Definition({ codec: { classes } });
const { codec } = definition;
const filler = 'x'.repeat(5000);

function snapshot(state: unknown, by = definition): Snapshot {
  const own = by.codec.copy(state);
  const bytes = Buffer.byteLength(JSON.stringify(by.codec.encode(own.value)));
  return { ...NOTHING, ...own, head: { version: 1, id: 'a', at: 0, deleted: false }, bytes };
}

/** Small states are copied, large ones drafted, large ones with a Date in them copied again. */
const paths: Record<string, (state: object) => object> = {
  'on a copy': (state) => state,
  'on a draft': (state) => ({ ...state, filler }),
  'on a copy of what cannot be drafted': (state) => ({ ...state, filler, at: new Date(0) }),
};

describe.each(Object.entries(paths))('a recipe %s', (_, dress) => {
  const state = () =>
    dress({ n: 1, list: [{ id: 1 }, { id: 2 }], map: new Map([['k', { v: 1 }]]), set: new Set(['a']) });
  const run = (recipe: (draft: any) => unknown) => {
    const base = snapshot(state());
    const before = JSON.stringify(codec.encode(base.value));
    try {
      const change = changeByRecipe(definition, base, recipe as Recipe, 'key');
      const document = new Replay().apply(
        JSON.parse(before),
        change.ops ?? [{ op: 'replace', path: '', value: codec.encode(change.next) }],
      );
      expect(JSON.stringify(document)).toBe(JSON.stringify(codec.encode(change.next)));
      return change.next as any;
    } finally {
      expect(JSON.stringify(codec.encode(base.value))).toBe(before);
    }
  };

  test('may change the draft', () => {
    const next = run((draft) => {
      draft.n += 1;
      draft.list.push({ id: 3 });
      draft.list[0].id = 9;
      draft.map.get('k').v = 2;
      draft.map.set('l', { v: 3 });
      draft.set.add('b');
    });
    expect(next).toMatchObject({ n: 2, list: [{ id: 9 }, { id: 2 }, { id: 3 }] });
    expect([...next.map]).toEqual([
      ['k', { v: 2 }],
      ['l', { v: 3 }],
    ]);
    expect([...next.set]).toEqual(['a', 'b']);
  });

  test('may return a new state, made of parts of the draft', () => {
    expect(run((draft) => ({ ...draft, n: 5 })).n).toBe(5);
    expect(run((draft) => ({ ...draft, list: draft.list.filter((one: any) => one.id === 2) })).list).toEqual([
      { id: 2 },
    ]);
    expect(run((draft) => ({ nested: { first: draft.list[0], map: new Map([['x', draft.map]]) } }))).toEqual({
      nested: { first: { id: 1 }, map: new Map([['x', new Map([['k', { v: 1 }]])]]) },
    });
    expect(run((draft) => draft.list)).toEqual([{ id: 1 }, { id: 2 }]);
    expect(run((draft) => draft)).toEqual(state());
    expect(run(() => null)).toBeNull();
    expect(run(() => 7)).toBe(7);
    expect(run(() => undefined)).toEqual(state());
  });

  test('may change the draft and return that', () => {
    expect(
      run((draft) => {
        draft.n = 3;
        return draft;
      }).n,
    ).toBe(3);
  });

  test('may not both change the draft and return something else', () => {
    const both = /both changed the draft and returned/;
    expect(() => run((draft) => (draft.n = 5))).toThrow(both);
    expect(() => run((draft) => draft.list.push(1))).toThrow(both);
    expect(() =>
      run((draft) => {
        draft.n = 2;
        return { ...draft };
      }),
    ).toThrow(both);
    expect(() =>
      run((draft) => {
        draft.list.push(1);
        return draft.list;
      }),
    ).toThrow(both);
    expect(() => run((draft) => draft.map.set('l', 1))).toThrow(both);
    expect(() => run((draft) => draft.set.add('l'))).toThrow(both);
    expect(() => run((draft) => delete draft.n)).toThrow(TypeError);
    expect(
      run((draft) => {
        draft.n = 2;
        draft.n = 1;
        return { ...draft, n: 4 };
      }).n,
    ).toBe(4);
  });

  test('may not be asynchronous, and nothing is left unhandled', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    expect(() =>
      run(async (draft) => {
        draft.n = 2;
      }),
    ).toThrow(/returned a promise/);
    expect(() =>
      run(async () => {
        throw new TypeError('late');
      }),
    ).toThrow(/returned a promise/);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that throws changes nothing, and its error comes through', () => {
    const mine = new RangeError('mine');
    expect(() =>
      run((draft) => {
        draft.n = 2;
        draft.map.clear();
        throw mine;
      }),
    ).toThrow(mine);
  });

  test('cannot put in what cannot be stored', () => {
    expect(() =>
      run((draft) => {
        draft.list.push({ run() {} });
      }),
    ).toThrow(StateSerializationError);
    expect(() =>
      run((draft) => {
        draft.list.push({
          get id() {
            return 1;
          },
        });
      }),
    ).toThrow(/accessor/);
    expect(() =>
      run((draft) => {
        draft.n = Symbol('n');
      }),
    ).toThrow(StateSerializationError);
    expect(() =>
      run((draft) => {
        const loop: any = {};
        loop.loop = loop;
        draft.n = loop;
      }),
    ).toThrow(/cycle/);
    expect(() =>
      run(() => {
        const loop: any = [];
        loop.push(loop);
        return loop;
      }),
    ).toThrow(/cycle/);
  });

  test('what it put in stays its own: changing it afterwards changes no state', () => {
    const mine = { id: 5, tags: ['a'] };
    const next = run((draft) => {
      draft.list.push(mine);
    });
    mine.tags.push('b');
    expect(next.list[2]).toEqual({ id: 5, tags: ['a'] });
    const made: any = { list: [mine] };
    const returned = run((draft) => {
      made.rest = draft.map;
      made.first = draft.list[0];
      return made;
    });
    const ours = objectsIn(returned);
    for (const object of [made, made.list, mine]) expect(ours.has(object)).toBe(false);
    expect(returned.first).toEqual({ id: 1 });
  });

  test('a draft kept for later is of no use, and changes nothing', () => {
    let kept: any;
    const next = run((draft) => {
      kept = draft;
      draft.n = 2;
    });
    try {
      kept.n = 3;
      kept.list.push(1);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
    }
    expect(next).toMatchObject({ n: 2, list: [{ id: 1 }, { id: 2 }] });
  });
});

test('what a recipe returns gets no hold of the state', () => {
  const base = snapshot({ filler, list: [{ id: 1 }] });
  const made: any = {};
  const recipe = (draft: any) => Object.assign(made, { first: draft.list[0], all: [draft.list] });
  const { next } = changeByRecipe(definition, base, recipe as Recipe, 'key');
  expect(next).toEqual({ first: { id: 1 }, all: [[{ id: 1 }]] });
  expect(() => made.first.id).toThrow(TypeError);
  expect(() => made.all[0].length).toThrow(TypeError);
});

test('a recipe that reaches for a Date runs again on a copy, also when it catches what stopped it', () => {
  const base = snapshot({ filler, at: new Date(0), seen: [new Date(1)] });
  const recipes: ((draft: any) => void)[] = [
    (draft) => draft.at.setTime(5),
    (draft) => {
      try {
        draft.at.setTime(5);
      } catch {
        draft.at = 'lost';
      }
    },
  ];
  for (const recipe of recipes) {
    const change = changeByRecipe(definition, base, ((draft: any) => void recipe(draft)) as Recipe, 'key');
    expect(change.next).toEqual({ filler, at: new Date(5), seen: [new Date(1)] });
    expect(base.value).toEqual({ filler, at: new Date(0), seen: [new Date(1)] });
  }
});

test('an array with holes keeps them', () => {
  const list = [1, 2, 3, 4];
  delete list[1];
  const recipe = ((draft: any) => void draft.list.shift()) as Recipe;
  const { next } = changeByRecipe(definition, snapshot({ filler, list }), recipe, 'key');
  expect(0 in (next as any).list).toBe(false);
  expect((next as any).list).toHaveLength(3);
});

test('any edits of any value give the same state and the same text, drafted or copied', () => {
  fc.assert(
    fc.property(anyValue({ exotic: true }), anyChoices({ exotic: true }), (value, choices) => {
      const recipe = ((draft: any) => {
        const source = choices();
        const fresh = (made: unknown) => codec.copy(made).value;
        if (typeof draft.value === 'object' && draft.value !== null)
          for (let i = 0; i < 3; i += 1) edit(draft.value, source, fresh);
      }) as Recipe;
      const base = snapshot({ value, filler });
      const before = JSON.stringify(codec.encode(base.value));
      const drafted = changeByRecipe(definition, base, recipe, 'key').next;
      expect(JSON.stringify(codec.encode(base.value))).toBe(before);
      // No draft is made of a state that is said to hold everything a draft cannot guard.
      const forced = { ...snapshot({ value, filler }), traits: TAGGED | EXOTIC | KEYED_BY_OBJECTS };
      const copied = changeByRecipe(definition, forced, recipe, 'key').next;
      expect(JSON.stringify(codec.encode(drafted))).toBe(JSON.stringify(codec.encode(copied)));
    }),
    { numRuns: Number(process.env.DIFF_RUNS ?? 200) },
  );
});
