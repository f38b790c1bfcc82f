import { MigrationError, memoryBackend, Store } from '../index.js';
import type { ClassCodec } from './codec.js';
import { Codec } from './codec.js';

class Item {
  declare title: string;
  declare done: boolean;
  declare note?: string | undefined;

  constructor(fields: object) {
    Object.assign(this, fields);
  }
}

class Box {
  constructor(readonly items: Item[]) {}
}

const fields = [{ property: 'title', name: 't' }, { property: 'done' }, { property: 'note', optional: true }];
const first: ClassCodec = { name: 'item', type: Item };
const second: ClassCodec = {
  name: 'item',
  type: Item,
  version: 2,
  migrations: { 1: ({ title }: { title: string }) => ({ t: title, done: false }) },
  fields,
};
const box: ClassCodec = { name: 'box', type: Box };

describe('versions of a class', () => {
  test('stand behind the name from 2 on', () => {
    const codec = new Codec({ classes: [second] });
    const { value } = codec.copy(new Item({ done: true, title: 'a' }));
    expect(codec.encode(value)).toEqual({ $class: ['item@2', { t: 'a', done: true }] });
  });

  test('older ones are migrated on load, in memory; the next write stores the whole state', async () => {
    const backend = memoryBackend({ values: false });
    const store = new Store(backend);
    const before = store.agent<Box>('k', { codec: { classes: [first, box] } });
    await before.save(new Box([new Item({ title: 'a' })]));
    await before.update(({ items }) => void items.push(new Item({ title: 'b' })));
    const after = store.agent<Box>('k', { codec: { classes: [second, box] } });
    expect(await after.load()).toEqual(
      new Box([new Item({ title: 'a', done: false }), new Item({ title: 'b', done: false })]),
    );
    expect(await after.history()).toEqual([new Box([new Item({ title: 'a', done: false })])]);
    await after.update(({ items }) => {
      items[0]!.done = true;
    });
    await after.update(({ items }) => {
      items[1]!.done = true;
    });
    const kinds: string[] = [];
    for await (const { kind } of backend.range('k')) kinds.push(kind);
    expect(kinds).toEqual(['set', 'patch', 'set', 'patch']);
    const again = store.agent<Box>('k', { codec: { classes: [second, box] } });
    expect((await again.load()).items.map(({ title, done }) => [title, done])).toEqual([
      ['a', true],
      ['b', true],
    ]);
    await store.close();
  });

  test('step after step, on a copy, with instances inside as of today', () => {
    const seen: unknown[] = [];
    const outer: ClassCodec = {
      name: 'box',
      type: Box,
      version: 3,
      migrations: {
        1: (old: { list: Item[] }) => {
          seen.push(old.list[0] instanceof Item && old.list[0].done);
          return { both: old.list };
        },
        2: (old: { both: Item[] }) => ({ items: old.both }),
      },
    };
    const document = { $class: ['box', { list: [{ $class: ['item', { title: 'a' }] }] }] };
    const text = JSON.stringify(document);
    const { value } = new Codec({ classes: [second, outer] }).decode(document);
    expect(value).toEqual(new Box([new Item({ title: 'a', done: false })]));
    expect(seen).toEqual([false]);
    expect(JSON.stringify(document)).toBe(text);
  });

  test('a step that changes what it is given does not change the document', () => {
    const document = { $class: ['item', { title: 'a' }] };
    const step = (old: { t?: string; title?: string }) => {
      old.t = old.title as string;
      delete old.title;
      return old;
    };
    const codec = new Codec({ classes: [{ ...second, migrations: { 1: step } }] });
    expect(codec.decode(document).value).toEqual(new Item({ title: 'a' }));
    expect(document).toEqual({ $class: ['item', { title: 'a' }] });
  });

  const failing = (migrations: ClassCodec['migrations']) =>
    new Codec({ classes: [{ name: 'item', type: Item, version: 3, ...(migrations && { migrations }) }] });
  test.each<[string, Codec, string, RegExp]>([
    ['is newer than the program', new Codec({ classes: [second] }), 'item@3', /written under version 3, this program knows 2/],
    ['has no way to today', failing({ 1: (f: object) => f }), 'item', /no migration of class "item" from version 2/],
    ['has a step that throws', failing({ 2: () => { throw new TypeError('x'); } }), 'item@2', /from version 2 threw/],
    ['has a step that returns nothing', failing({ 2: (() => undefined) as never }), 'item@2', /did not return an object/],
  ])('what %s is a MigrationError with the place', (_, codec, name, message) => {
    const read = () => codec.decode({ list: [{ $class: [name, {}] }] }, { key: 'k' });
    expect(read).toThrow(MigrationError);
    expect(read).toThrow(message);
    expect(read).toThrow(/at \$\.list\[0\]/);
    expect(read).toThrow(expect.objectContaining({ key: 'k' }));
  }); // biome-ignore format: a list

  test('of a class that nobody registered, or that are no versions', () => {
    const codec = new Codec({ classes: [second] });
    for (const name of [
      'other',
      'other@2',
      'item@0',
      'item@02',
      'item@',
      '@2',
      'item@1.5',
      'item@9999999999',
    ]) {
      expect(() => codec.decode({ $class: [name, {}] })).toThrow(/not listed/);
    }
  });
});

describe('listed fields', () => {
  const codec = new Codec({ classes: [second] });

  test('go by their stored names, in the order of the list; optional ones that are undefined are not stored', () => {
    const item = new Item({ note: undefined, done: false, title: 'a' });
    const { value } = codec.copy(item);
    expect(JSON.stringify(codec.encode(value))).toBe('{"$class":["item@2",{"t":"a","done":false}]}');
    expect(codec.decode(codec.encode(value)).value).toEqual(item);
    expect(codec.equal(value, codec.copy(new Item({ title: 'a', done: false })).value)).toBe(true);
  });

  test('what is not listed is kept under its own name', () => {
    const item = new Item({ title: 'a', extra: 1 });
    Object.defineProperty(item, '__proto__', { value: 5, enumerable: true });
    const document = codec.encode(codec.copy(item).value);
    expect(document).toEqual({ $class: ['item@2', { t: 'a', extra: 1, $__proto__: 5 }] });
    const back = codec.decode(document).value as Item;
    expect(Object.getPrototypeOf(back)).toBe(Item.prototype);
    expect(Reflect.ownKeys(back)).toEqual(['title', 'extra', '__proto__']);
  });

  test('what has the name of another one is refused, both ways', () => {
    expect(() => codec.copy(new Item({ t: 1 }))).toThrow(/\$\.t: .*stored name of another/);
    expect(() => codec.decode({ $class: ['item@2', { title: 'x' }] })).toThrow(/stored under another name/);
  });

  test('an accessor of the class does not run', () => {
    class Watched {
      set title(_: string) {
        throw new TypeError('it ran');
      }
    }
    const watched = new Codec({ classes: [{ name: 'w', type: Watched, fields: [{ property: 'title' }] }] });
    expect(watched.decode({ $class: ['w', { title: 'x' }] }).value).toHaveProperty('title', 'x');
  });

  test.each<[string, Partial<ClassCodec>]>([
    ['two of one property', { fields: [{ property: 'a' }, { property: 'a', name: 'b' }] }],
    ['two of one name', { fields: [{ property: 'a' }, { property: 'b', name: 'a' }] }],
    ['fields and encode', { fields: [], encode: (item) => item }],
    ['a version that is none', { version: 1.5 }],
    ['a migration from the version of today', { version: 2, migrations: { 2: (f: object) => f } }],
    ['a migration from no version', { version: 2, migrations: { 0: (f: object) => f } }],
  ])('%s are refused when the codec is made', (_, part) => {
    expect(() => new Codec({ classes: [{ name: 'x', type: Item, ...part }] })).toThrow(/class "x"/);
  });

  test('two classes of one name, in whatever version', () => {
    const other = { name: 'item', type: Box };
    expect(() => new Codec({ classes: [second, other] })).toThrow(/two classes are registered/);
    expect(() => new Codec({ classes: [second, { ...other, name: 'item@2' }] })).toThrow(/two classes/);
  });
});
