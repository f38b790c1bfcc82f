import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type ClassCodec, Codec, type CodecOptions } from '../codec/codec.js';
import { isStackOverflow } from '../codec/refusal.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import type { StateDefinition } from '../schema/define-state.js';
import { Check } from './check.js';
import { type DeclaredClass, declaredOf, type StateClass } from './declared.js';
import { InstanceShape } from './instance-shape.js';
import { everyShape } from './shape.js';
import { assertDeclared } from './state.js';

export interface ClassStateOptions<T>
  extends Pick<
    StateDefinition<T>,
    'initial' | 'retain' | 'schemaVersion' | 'migrations' | 'transforms' | 'blobs'
  > {
  /** For people and tools; that of the class unless told. */
  readonly name?: string;
  /**
   * Classes that no field names: subclasses whose instances stand in fields of the type of their base, and what
   * `anything` may hold.
   */
  readonly classes?: readonly StateClass[];
  /** Limits of the codec. */
  readonly codec?: Omit<CodecOptions, 'classes'>;
}

const OPTIONS: OptionNames<ClassStateOptions<object>> = {
  name: true,
  classes: true,
  codec: true,
  initial: true,
  retain: true,
  schemaVersion: true,
  migrations: true,
  transforms: true,
  blobs: true,
};

/** What the openers take. */
export interface ClassState<T> extends StateDefinition<T> {
  readonly schema: StandardSchemaV1<unknown, T>;
  /** Also for wrappers around agents of somebody else, which do not tell theirs. */
  readonly codec: Codec;
}

/**
 * The definition of a state that is an instance of a class with `@State`:
 * `store.agent('user:42', stateOf(Profile, { initial: () => new Profile() }))`.
 *
 * It knows the class, all that its fields name, and `classes`; nothing else is ever made of what is stored. Instances
 * are checked on save and on load: `StateValidationError` with the path of each field that is missing, of another type,
 * or not declared. `schemaVersion` and `migrations` are for states that were no instances before, and lead to one.
 *
 * Write it once for a kind of state: handles with the same definition share what they know of a log.
 *
 * @throws TypeError for a class without `@State`, a type that cannot be stored, two classes of one name
 */
export function stateOf<T extends object>(
  type: StateClass<T>,
  options: ClassStateOptions<NoInfer<T>> = {},
): ClassState<T> {
  checkOptions('stateOf', options, OPTIONS);
  const { name, classes = [], codec: limits, ...rest } = options;
  const reached = classesFrom([type, ...classes]);
  const codec = new Codec({ ...limits, classes: reached.map(codecOf) });
  const declared = reached[0] as DeclaredClass;
  return Object.freeze({ ...rest, name: name ?? declared.name, codec, schema: schemaOf(type, codec) });
}

/**
 * Codecs of classes and of all that their fields name, for `codec: { classes: classCodecs(Item) }`: where instances are
 * part of a state that has a schema of its own, or none.
 * @throws TypeError as {@link stateOf}
 */
export function classCodecs(...types: readonly StateClass[]): readonly ClassCodec[] {
  return classesFrom(types).map(codecOf);
}

/** The classes given and all that their fields name, each once. */
function classesFrom(types: readonly StateClass[]): readonly DeclaredClass[] {
  const reached = new Set<DeclaredClass>();
  for (const type of types) {
    const declared = typeof type === 'function' ? declaredOf(type.prototype) : undefined;
    if (declared === undefined) throw new TypeError(`${String(type?.name)} is no class with @State.`);
    reached.add(declared);
  }
  // A Set is walked in the order of adding, and what is added on the way is walked too.
  for (const { type, fields } of reached) {
    for (const { property, shape } of fields.values()) {
      assertDeclared(type, property, shape());
      for (const inner of everyShape(shape())) {
        if (inner.type !== undefined) reached.add(declaredOf(inner.type.prototype) as DeclaredClass);
      }
    }
  }
  return [...reached];
}

function codecOf({ type, name, version, migrations, fields }: DeclaredClass): ClassCodec {
  const list = [...fields.values()].map(({ property, name, optional }) => ({ property, name, optional }));
  return { name, type, version, migrations, fields: list };
}

function schemaOf<T extends object>(type: StateClass<T>, codec: Codec): StandardSchemaV1<unknown, T> {
  const root = new InstanceShape(type);
  const validate = (value: unknown) => {
    const check = new Check(codec);
    try {
      check.value(root, value);
    } catch (error) {
      if (!isStackOverflow(error)) throw error;
      check.issue('nested too deeply');
    }
    return check.issues.length === 0 ? { value: value as T } : { issues: check.issues };
  };
  return { '~standard': { version: 1, vendor: 'dgents', validate } };
}
