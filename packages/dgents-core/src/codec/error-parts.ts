/**
 * A native Error taken apart and put together again. Its built-in own properties (not enumerable, as the engine makes
 * them) go by fixed names; enumerable ones are the user's and are `fields`.
 */
import { errorClasses, intrinsicName } from './intrinsics.js';
import { Refusal } from './refusal.js';

export interface ErrorParts {
  /** The native class: `TypeError`. */
  readonly name: string;
  /** Own properties that the engine makes: message, stack, cause, errors; `name` when it hides the class's. */
  readonly slots: Record<string, unknown>;
  /** Own enumerable properties. */
  readonly fields: Record<string, unknown>;
}

/** How the slots are called in a document. A document's `name` is the class, so an own name is `ownName`. */
const SLOTS: Readonly<Record<string, string>> = {
  message: 'message',
  stack: 'stack',
  cause: 'cause',
  errors: 'errors',
  name: 'ownName',
};

/** The slots as a document calls them, in the order they are written. */
export const SLOT_NAMES = Object.values(SLOTS);
const BY_SLOT = new Map(Object.entries(SLOTS).map(([property, slot]) => [slot, property]));

/** @throws Refusal for a property that is neither enumerable nor built in, an accessor or a symbol */
export function takeApart(error: Error): ErrorParts {
  const slots: Record<string, unknown> = {};
  const fields: Record<string, unknown> = {};
  for (const key of Reflect.ownKeys(error)) {
    const descriptor = Object.getOwnPropertyDescriptor(error, key)!;
    if (key === 'stack' && !descriptor.enumerable)
      slots.stack = error.stack; // An accessor in some engines.
    else if (typeof key === 'symbol') throw new Refusal('a symbol as key');
    else if (!('value' in descriptor)) throw new Refusal(`an accessor (${JSON.stringify(key)})`);
    else if (descriptor.enumerable) define(fields, key, descriptor.value);
    else if (Object.hasOwn(SLOTS, key)) slots[SLOTS[key]!] = descriptor.value;
    else throw new Refusal(`a property that is not enumerable (${JSON.stringify(key)})`);
  }
  return { name: intrinsicName(Object.getPrototypeOf(error))!, slots, fields };
}

export function putTogether({ name, slots, fields }: ErrorParts): Error {
  const type = errorClasses.get(name)!;
  const error = name === 'AggregateError' ? new AggregateError([]) : new (type as ErrorConstructor)();
  // What the engine has just put there belongs to this call, not to the error that is being made again.
  for (const key of Reflect.ownKeys(error)) Reflect.deleteProperty(error, key);
  for (const slot of SLOT_NAMES) {
    if (Object.hasOwn(slots, slot)) {
      Object.defineProperty(error, BY_SLOT.get(slot)!, {
        value: slots[slot],
        writable: true,
        configurable: true,
        enumerable: false,
      });
    }
  }
  for (const key of Object.keys(fields)) define(error, key, fields[key]);
  return error;
}

/** Assignment, except that `__proto__` becomes a key like any other. */
export function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true });
}
