/** Where in a state, as the compiler sees it. */

/** What no path leads into. */
type Whole =
  | Date
  | RegExp
  | URL
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>;

/** How many names and positions the compiler looks at; what lies deeper is taken as it is. */
type Levels = 5;
type Less = { 5: 4; 4: 3; 3: 2; 2: 1; 1: 0; 0: never };
type Level = keyof Less;

type Key = string | number;

/** What a state has fields by: the keys of an object, the positions of an array; of every member of a union. */
export type Field<S> = unknown extends S
  ? Key
  : S extends readonly unknown[]
    ? number
    : S extends Whole
      ? never
      : S extends object
        ? NameOf<keyof S>
        : never;

/** Names are text in a document, also those that are numbers in the type. */
type NameOf<K> = K extends number ? `${K}` : K extends string ? K : never;

/**
 * Where in a state: the name of a field, or names and positions from the outermost in. `'city'` is one name, and so is
 * `'address.city'`: what lies deeper is `['address', 'city']`.
 */
export type Path<S> = Extract<Field<S>, string> | Steps<S, Levels>;

type Steps<S, L extends Level> = unknown extends S
  ? readonly [Key, ...Key[]]
  : S extends readonly (infer E)[]
    ? readonly [number, ...More<E, Less[L]>]
    : S extends Whole
      ? never
      : S extends object
        ? { [K in keyof S]-?: readonly [NameOf<K>, ...More<S[K], Less[L]>] }[keyof S]
        : never;

type More<S, L extends Level> = L extends 0 ? Key[] : [] | Steps<S, L>;

/** What lies at a path; with `undefined` where nothing may be there. */
export type At<S, P> = P extends Key
  ? Step<S, P>
  : P extends readonly [infer K, ...infer Rest]
    ? Further<S, K, Rest>
    : unknown;

type Further<S, K, Rest> = Rest extends readonly [] ? Step<S, K> : At<Step<S, K>, Rest>;

type Step<S, K> = unknown extends S
  ? unknown
  : S extends readonly (infer E)[]
    ? K extends number
      ? E | undefined
      : undefined
    : S extends object
      ? Property<S, K> | (string extends keyof S ? undefined : never)
      : undefined;

type Property<S, K> = K extends keyof S
  ? S[K]
  : K extends `${infer N extends number}`
    ? N extends keyof S
      ? S[N]
      : undefined
    : undefined;

/** The paths at which there may be a `V`. */
export type PathTo<S, V> = unknown extends S ? Path<S> : Leading<S, V, Path<S>>;

type Leading<S, V, P> = P extends unknown
  ? unknown extends At<S, P>
    ? P
    : Extract<At<S, P>, V> extends never
      ? never
      : P
  : never;
