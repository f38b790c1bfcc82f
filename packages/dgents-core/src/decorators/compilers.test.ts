/** One implementation, whatever compiles the decorators. */
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { transformSync as swc } from '@swc/core';
import { transformSync as esbuild } from 'esbuild';
import ts from 'typescript';
import type * as Emitted from '../../test/decorators/emitted.js';
import type * as Explicit from '../../test/decorators/explicit.js';
import { StateValidationError, VolatileAgent } from '../index.js';
import * as decorators from './index.js';

type Compile = (source: string) => string;

const typescript =
  (options: ts.CompilerOptions): Compile =>
  (source) =>
    ts.transpileModule(source, {
      compilerOptions: {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
        strict: true,
        ...options,
      },
    }).outputText;

const byEsbuild =
  (compilerOptions: object): Compile =>
  (source) =>
    esbuild(source, { loader: 'ts', format: 'cjs', target: 'es2022', tsconfigRaw: { compilerOptions } }).code;

const bySwc =
  (transform: object): Compile =>
  (source) =>
    swc(source, {
      configFile: false,
      swcrc: false,
      jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform },
      module: { type: 'commonjs' },
    }).code;

const LEGACY: [string, Compile][] = [
  ['TypeScript, legacy', typescript({ experimentalDecorators: true })],
  [
    'TypeScript, legacy, assigning',
    typescript({ experimentalDecorators: true, useDefineForClassFields: false }),
  ],
  [
    'TypeScript, legacy, ES2015',
    typescript({ experimentalDecorators: true, target: ts.ScriptTarget.ES2015 }),
  ],
  ['esbuild, legacy', byEsbuild({ experimentalDecorators: true })],
  ['swc, legacy', bySwc({ legacyDecorator: true })],
];
const STANDARD: [string, Compile][] = [
  ['TypeScript, standard', typescript({})],
  ['TypeScript, standard, assigning', typescript({ useDefineForClassFields: false })],
  ['esbuild, standard', byEsbuild({ experimentalDecorators: false })],
  ['swc, standard', bySwc({ decoratorVersion: '2022-03' })],
];
const EMITTING: [string, Compile][] = [
  ['TypeScript', typescript({ experimentalDecorators: true, emitDecoratorMetadata: true })],
  ['swc', bySwc({ legacyDecorator: true, decoratorMetadata: true })],
];

/** What a compiled module exports. It sees the sources under test. */
function run<T>(code: string): T {
  const require = createRequire(__filename);
  const exports = {};
  const module = { exports };
  const given = (name: string) => (name === 'dgents-core/decorators' ? decorators : require(name));
  new Function('require', 'module', 'exports', code)(given, module, exports);
  return module.exports as T;
}

function fixture(name: string): string {
  return readFileSync(join(__dirname, '../../test/decorators', name), 'utf8');
}

describe.each([...LEGACY, ...STANDARD])('%s', (_, compile) => {
  test('instances come back as instances', async () => {
    const { Customer, Gift, Line, Order } = run<typeof Explicit>(compile(fixture('explicit.ts')));
    const agent = new VolatileAgent(
      decorators.stateOf(Order, { initial: () => new Order(), classes: [Gift] }),
    );
    await agent.update((draft) => {
      draft.add('a');
      const gift = new Gift();
      gift.wrapping = 'paper';
      draft.lines.push(gift, new Gift());
      draft.stamps.set('made', new Date(1));
      draft.customer = new Customer();
      draft.customer.orders.push(new Order());
    });
    await agent.update((draft) => draft.add('b'));
    const order = await agent.load();
    expect(order).toBeInstanceOf(Order);
    expect(order.lines.map((line) => line.constructor)).toEqual([Line, Gift, Gift, Line]);
    expect(order.lines.map((line) => line.sku)).toEqual(['a', '', '', 'b']);
    expect((order.lines as InstanceType<typeof Gift>[]).map((line) => line.wrapped)).toEqual([
      undefined,
      true,
      false,
      undefined,
    ]);
    expect(order.customer).toBeInstanceOf(Customer);
    expect(order.customer?.orders[0]).toBeInstanceOf(Order);
    const wrong = agent.update((draft) => Object.assign(draft.lines[1]!, { sku: 1, extra: 1 }) && undefined);
    await expect(wrong).rejects.toThrow(StateValidationError);
    await expect(wrong).rejects.toThrow(
      /lines\.1\.sku: expected a string.*lines\.1\.extra: not a field of Gift/,
    );
  });

  test('what is stored is the same, and older versions are migrated', () => {
    const { Gift, Line, Order } = run<typeof Explicit>(compile(fixture('explicit.ts')));
    const { codec } = decorators.stateOf(Order, { classes: [Gift] });
    const gift = new Gift();
    gift.sku = 'x';
    const order = new Order();
    order.lines = [new Line(), gift];
    expect(JSON.stringify(codec.encode(codec.copy(order).value))).toBe(
      '{"$class":["order",{"lines":[{"$class":["line@2",{"sku":"","n":1}]},{"$class":["gift",{"sku":"x","n":1}]}],' +
        '"stamps":{"$map":[]},"customer":null}]}',
    );
    const { value } = codec.decode({ $class: ['line', { sku: 'old' }] });
    expect(value).toBeInstanceOf(Line);
    expect(value).toEqual(Object.assign(new Line(), { sku: 'old', count: 1 }));
  });

  test('types have to be told', () => {
    const source = fixture('emitted.ts');
    expect(() => run(compile(source))).toThrow(/^Address\.city: its type is not told/);
  });
});

test.each(EMITTING)('%s emits the types', async (_, compile) => {
  const { Address, Person } = run<typeof Emitted>(compile(fixture('emitted.ts')));
  const agent = new VolatileAgent(decorators.stateOf(Person, { initial: () => new Person() }));
  await agent.update((draft) => {
    draft.friend = new Person();
    draft.friend.address.city = 'Paris';
  });
  const person = await agent.load();
  expect(person.friend).toBeInstanceOf(Person);
  expect(person.friend?.address).toBeInstanceOf(Address);
  const wrong = {
    name: 1,
    age: '',
    member: 0,
    coins: 1,
    born: 0,
    key: [],
    level: 1,
    size: 's',
    address: {},
    nick: 1,
    friend: {},
  };
  const issues = await agent
    .update((draft) => void Object.assign(draft, wrong))
    .catch((error: StateValidationError) => error.issues);
  expect(
    (issues as StateValidationError['issues']).map(({ path, message }) => `${String(path)}: ${message}`),
  ).toEqual([
    'name: expected a string, got a number',
    'age: expected a number, got a string',
    'member: expected a boolean, got a number',
    'coins: expected a bigint, got a number',
    'born: expected Date, got a number',
    'key: expected Uint8Array, got a list',
    'level: expected a string, got a number',
    'size: expected a number, got a string',
    'address: expected an instance of Address, got a plain object',
    'nick: expected a string, got a number',
    'friend: expected an instance of Person, got a plain object',
  ]);
});

describe('refused when the class is declared', () => {
  const head = `import { Field, State, mapOf, oneOf, anything } from 'dgents-core/decorators';\n`;
  const inClass = (members: string) => `${head}@State({ name: 'x' })\nclass X { ${members} }`;
  const both: [string, string, RegExp][] = [
    ['an accessor', inClass('@Field(() => String) get a() { return 1 }'), /@Field a: it is an accessor/],
    ['a setter', inClass('@Field(() => String) set a(v) {}'), /@Field a: it is an accessor/],
    ['a method', inClass('@Field(() => String) a() {}'), /@Field a: it is a method/],
    ['a static field', inClass('@Field(() => String) static a = 1'), /@Field a: it is static/],
    ['a symbol', inClass('@Field(() => String) [Symbol.iterator] = 1'), /its key has to be a text/],
    ['constructor', inClass(`@Field(() => String, { name: 'constructor' }) a = 1`), /@Field constructor: no field can be called so/],
    ['__proto__', inClass(`@Field(() => String) ['__proto__'] = 1`), /no field can be called so/],
    ['__proto__ in the store', inClass(`@Field(() => String, { name: '__proto__' }) a = 1`), /no field can be called/],
    ['no name in the store', inClass(`@Field(() => String, { name: '' }) a = 1`), /its name in the store/],
    ['two of one name', inClass(`@Field(() => String, { name: 'b' }) a = 1; @Field(() => String) b = 1;`), /X: a and b are both stored as "b"/],
    ['two @Field', inClass('@Field(() => String) @Field(() => String) a = 1'), /X\.a has two @Field/],
    ['an unknown option', inClass('@Field(() => String, { optinal: true }) a = 1'), /no option "optinal"\. Did you mean optional\? There are name, optional\./],
    ['an option that is none of the two', inClass(`@Field(() => String, { optional: 'no' }) a = 1`), /true or false/],
    ['an unknown option of @State', `${head}@State({ name: 'x', versoin: 2 }) class X {}`, /@State has no option "versoin"/],
    ['a Map without values', inClass('@Field(() => mapOf(String)) a = 1'), /mapOf takes the types of keys and values/],
    ['a class in place of a function', inClass('@Field(Date) a = 1'), /@Field\(\(\) => Date\)/],
    ['a list of nothing', inClass('@Field(() => Array) a = 1'), /X\.a: it is not told what is in the list/],
    ['a list of two', inClass('@Field(() => [String, Number]) a = 1'), /X\.a: a list has one type/],
    ['a Map of nothing', inClass('@Field(() => Map) a = 1'), /X\.a: it is not told what is in the Map/],
    ['a promise', inClass('@Field(() => Promise) a = 1'), /X\.a: its type cannot be stored/],
    ['a function', inClass('@Field(() => Function) a = 1'), /X\.a: its type cannot be stored/],
    ['an object', inClass('@Field(() => Object) a = 1'), /X\.a: its type is not told/],
    ['a type that is none', inClass('@Field(() => "string") a = 1'), /X\.a: its type is no class/],
    ['an arrow function', inClass('@Field(() => () => 1) a = 1'), /X\.a: its type is a function/],
    ['two kinds of lists', inClass('@Field(() => oneOf([String], [Number])) a = 1'), /X\.a: oneOf cannot tell two kinds of lists apart/],
    ['anything or more', inClass('@Field(() => oneOf(anything, null)) a = 1'), /X\.a: oneOf has no use/],
    ['one of nothing', inClass('@Field(() => oneOf()) a = 1'), /X\.a: oneOf takes/],
    ['a class without @State', `${head}class Y {}\n@State({ name: 'x' }) class X { @Field(() => mapOf(String, [Y])) a = 1 }`, /X\.a: class Y has no @State/],
    ['a base class without @State', `${head}class Y { @Field(() => String) a = 1 }\n@State({ name: 'x' }) class X extends Y {}`, /no @State/],
    ['no options', `${head}@State() class X {}`, /@State takes a name/],
    ['State without a call', `${head}@State class X {}`, /@State takes a name/],
    ['no name', `${head}@State({ name: '' }) class X {}`, /@State takes a name/],
    ['a name that ends like a version', `${head}@State({ name: 'x@2' }) class X {}`, /no name ends like a version/],
    ['a version that is none', `${head}@State({ name: 'x', version: 0 }) class X {}`, /version is a whole number/],
    ['a step to a version that is none', `${head}@State({ name: 'x', version: 2, migrations: { 2: (f) => f } }) class X {}`, /Raise it/],
    ['two @State', `${head}@State({ name: 'x' }) @State({ name: 'y' }) class X {}`, /has a @State already/],
    ['a subclass of a built-in class', `${head}@State({ name: 'x' }) class X extends Map {}`, /extends a built-in class/],
    ['@State before a field', `${head}class X { @State({ name: 'x' }) a = 1 }`, /stands before a class/],
  ]; // biome-ignore format: a list

  describe.each([LEGACY[0]!, LEGACY[3]!, STANDARD[0]!, STANDARD[2]!])('%s', (_, compile) => {
    test.each(both)('%s', (_, source, message) => {
      const refused = () => run(compile(source));
      expect(refused).toThrow(TypeErrorOrRangeError);
      expect(refused).toThrow(message);
    });
  });

  test.each<[string, string, RegExp]>([
    ['a private field', inClass('@Field(() => String) #a = 1'), /@Field #a: it is private/],
    ['an auto-accessor', inClass('@Field(() => String) accessor a = 1'), /@Field a: it is an accessor/],
    ['a field of a class without @State', `${head}class X { @Field(() => String) a = 1 }`, /@Field a: its class has no @State/],
  ])('with standard decorators %s', (_, source, message) => {
    for (const [, compile] of STANDARD) expect(() => run(compile(source))).toThrow(message);
  }); // biome-ignore format: a list

  test('with legacy decorators a parameter', () => {
    const source = inClass('constructor(@Field(() => String) readonly a: string) {}');
    for (const [, compile] of LEGACY)
      expect(() => run(compile(source))).toThrow(/a parameter of the constructor/);
  });

  test.each<[string, string, RegExp]>([
    ['a list', '@Field() a: string[] = []', /X\.a: it is not told what is in the list/],
    ['a Map', '@Field() a = new Map<string, string>()', /X\.a: its type is not told|what is in the Map/],
    ['an interface', '@Field() a: { b: string } = { b: "" }', /X\.a: its type is not told/],
    ['a union', '@Field() a: string | number = 1', /X\.a: its type is not told/],
    ['unknown', '@Field() a: unknown', /X\.a: its type is not told/],
    [
      'a promise',
      '@Field() a = (async () => {})() as Promise<void>; @Field() b: Promise<void>',
      /X\.[ab]: its type/,
    ],
    ['a function', '@Field() a: () => void', /X\.a: its type cannot be stored/],
    ['a class without @State', '@Field() a: AbortController', /X\.a: class AbortController has no @State/],
  ])('emitted: %s', (_, member, message) => {
    for (const [, compile] of EMITTING) expect(() => run(compile(inClass(member)))).toThrow(message);
  });
});

describe('with what is declared further down', () => {
  const below = (rest: string) => `import { Field, State, stateOf } from 'dgents-core/decorators';
@State({ name: 'x' }) class X { @Field(() => Y) a = 1 }
${rest}
export const open = () => stateOf(X);`;

  test.each([...LEGACY, ...STANDARD])('a state of it is refused, before it is opened: %s', (_, compile) => {
    const { open } = run<{ open(): unknown }>(compile(below('class Y {}')));
    expect(open).toThrow(/^X\.a: class Y has no @State/);
    const never = run<{ open(): unknown }>(compile(below('const Y = undefined;')));
    expect(never.open).toThrow(/^X\.a: its type is undefined/);
    const twice = run<{ open(): unknown }>(compile(below("@State({ name: 'x' }) class Y {}")));
    expect(twice.open).toThrow(/two classes are registered as "x"/);
  });
});

/** Both say that what was written cannot be meant. */
const TypeErrorOrRangeError = expect.objectContaining({ name: expect.stringMatching(/^(Type|Range)Error$/) });
