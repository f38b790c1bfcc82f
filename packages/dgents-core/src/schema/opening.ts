/** How the compiler finds the type of a state: from the schema where there is one, else from `initial`. Types only. */
import type { StandardSchemaV1 } from '@standard-schema/spec';

/**
 * The options of an opener (`store.agent`, `new PersistentAgent`, `defineState` …), written so that a schema alone says
 * what `S` is, and `initial` has to be one of those: `() => ({ messages: [] })` and `role: 'user'` are what the schema
 * takes them for. Without a schema, `S` is what `initial` returns.
 *
 * A schema whose input does not accept its output is refused: what it made of a state is what every load shows it again.
 *
 * @typeParam Options what the opener takes
 * @typeParam In what the schema accepts; always inferred
 */
export type Opening<Options, S, In = unknown> = Omit<Options, 'schema' | 'initial'> &
  (WithSchema<S, In> | WithoutSchema<S> | MaybeWithSchema<S, In>);

interface WithSchema<S, In> {
  readonly schema: Repeatable<S, In>;
  readonly initial?: () => NoInfer<S> | Literals;
}

interface WithoutSchema<S> {
  readonly schema?: undefined;
  // `S & {}` counts only where nothing else says what S is.
  readonly initial?: () => (S & {}) | NoInfer<S>;
}

/** Options made elsewhere, such as a definition that is spread. */
interface MaybeWithSchema<S, In> {
  readonly schema?: Repeatable<S, In>;
  readonly initial?: () => NoInfer<S>;
}

type Repeatable<S, In> = StandardSchemaV1<In, S> & Verdict<Accepts<S, In>>;

interface Verdict<V> {
  readonly '~standard': V;
}

type Accepts<S, In> = unknown extends In
  ? unknown
  : [S] extends [In]
    ? unknown
    : 'This schema does not accept its own output: remove the transformation.';

declare const nothing: unique symbol;

/**
 * No value is of this type. Beside another one it tells the compiler to take `'user'` for the literal that it is, at any
 * depth: when it looks at `initial`, it does not yet know what the schema wants.
 */
interface Literals {
  readonly [nothing]: never;
  readonly [name: string]: Literals | '' | 0 | boolean;
  readonly [index: number]: Literals | '' | 0 | boolean;
}
