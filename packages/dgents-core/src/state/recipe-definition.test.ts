/** What a definition has to say about the result of a recipe: schema, limits, the first state. */
import { Codec } from '../codec/codec.js';
import { StateValidationError } from '../errors.js';
import { Definition } from './definition.js';
import { changeByRecipe, changeByState, type Recipe, stateByRecipe } from './recipe.js';
import { NOTHING, type Snapshot } from './replica.js';

const definition = new Definition({});
const { codec } = definition;
const filler = 'x'.repeat(5000);
const set = (values: object) => ((draft: object) => void Object.assign(draft, values)) as Recipe;

function snapshot(state: unknown, by = definition): Snapshot {
  const own = by.codec.copy(state);
  const bytes = Buffer.byteLength(JSON.stringify(by.codec.encode(own.value)));
  return { ...NOTHING, ...own, head: { version: 1, id: 'a', at: 0, deleted: false }, bytes };
}

test('a schema sees the result, and its output is what is kept', () => {
  const schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: any) =>
        typeof value.n === 'number'
          ? { value: { ...value, n: Math.round(value.n) } }
          : { issues: [{ message: 'no number', path: ['n'] }] },
    },
  } as const;
  const strict = new Definition({ schema });
  for (const more of [{}, { filler }]) {
    const base = snapshot({ n: 1, ...more }, strict);
    expect(changeByRecipe(strict, base, set({ n: 2.4 }), 'key').next).toEqual({ n: 2, ...more });
    expect(() => changeByRecipe(strict, base, set({ n: 'x' }), 'key')).toThrow(StateValidationError);
    expect(base.value).toEqual({ n: 1, ...more });
  }
});

test('the first state is made of a default, and the default stays as it was', () => {
  const initial = codec.copy({ n: 0, list: [] });
  const change = stateByRecipe(
    definition,
    initial,
    ((draft: any) => {
      draft.n = 1;
      draft.list.push(1);
    }) as Recipe,
    'key',
  );
  expect(change).toMatchObject({ next: { n: 1, list: [1] }, ops: null, bytes: 18 });
  expect(initial.value).toEqual({ n: 0, list: [] });
});

test('a state given once can be compared with one base after the other', () => {
  const own = codec.copy({ list: [{ id: 1 }, { id: 2 }, { id: 3 }], more: { a: 1 } });
  const first = changeByState(
    definition,
    snapshot({ list: [{ id: 1 }, { id: 2 }], more: { a: 1 } }),
    own,
    'key',
  );
  const base = snapshot({ list: [{ id: 0 }, { id: 2 }], more: { a: 2 } });
  const second = changeByState(definition, base, own, 'key');
  expect(second.next).toEqual(own.value);
  expect(first.next).toEqual(own.value);
  expect(base.value).toEqual({ list: [{ id: 0 }, { id: 2 }], more: { a: 2 } });
  expect(changeByState(definition, NOTHING, own, 'key')).toMatchObject({ ops: null, patchBytes: 0 });
});

test('limits of the codec hold for what a recipe adds', () => {
  const small = new Definition({ codec: new Codec({ maxDepth: 3 }) });
  const base = snapshot({ a: { b: [] }, filler }, small);
  expect(() =>
    changeByRecipe(small, base, ((draft: any) => void draft.a.b.push({})) as Recipe, 'key'),
  ).toThrow(/deeper than 3/);
});
