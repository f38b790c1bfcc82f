/** Edits of any value, like those an agent makes. */
import fc from 'fast-check';
import { anyValue, isContainer, Point, type Space } from './values.js';

/** An endless supply of small decisions, all of them given in advance. */
export class Choices {
  private position = 0;
  constructor(
    private readonly numbers: readonly number[],
    private readonly values: readonly unknown[],
  ) {}

  below(bound: number): number {
    if (bound < 1 || this.numbers.length === 0) return 0;
    const number = this.numbers[this.position % this.numbers.length]!;
    this.position += 1;
    return (number + this.position) % bound;
  }

  value(): unknown {
    return this.values[this.below(this.values.length)];
  }

  key(): string {
    return ['a', 'b', 'new', '5', '$x', '__proto__', 'id', 'a/b~c', '\0'][this.below(9)]!;
  }
}

/** Decisions for a few edits. */
export function anyChoices(space: Space): fc.Arbitrary<() => Choices> {
  return fc
    .tuple(
      fc.array(fc.nat(1000), { minLength: 8, maxLength: 40 }),
      fc.array(anyValue(space), { minLength: 3, maxLength: 3 }),
    )
    .map(
      ([numbers, values]) =>
        () =>
          new Choices(numbers, values),
    );
}

/** Changes what is inside `root`, which has to be a container, also a draft; `raw` gives what may be written. */
export function edit(root: object, choices: Choices, raw: (value: unknown) => unknown): void {
  const target = pick(root, choices);
  if (Array.isArray(target)) editList(target, choices, raw);
  else if (target instanceof Map) editMap(target, choices, raw);
  else if (target instanceof Set) editSet(target, choices, raw);
  else if (target instanceof Date) target.setTime(choices.below(5));
  else if (target instanceof Uint8Array) target.fill(choices.below(3));
  else if (hasFields(target)) editFields(target as Record<string, unknown>, choices, raw);
}

function hasFields(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || prototype === Point.prototype;
}

/** Walks down a while. */
function pick(root: object, choices: Choices): object {
  let target = root;
  for (let level = 0; level < 5; level += 1) {
    const inner = (
      target instanceof Map
        ? [...target.values()]
        : target instanceof Set
          ? [...target]
          : Object.values(target)
    ).filter(isContainer);
    if (inner.length === 0 || choices.below(4) === 0) return target;
    target = inner[choices.below(inner.length)]!;
  }
  return target;
}

function editList(list: unknown[], choices: Choices, raw: (value: unknown) => unknown): void {
  const at = choices.below(list.length);
  switch (choices.below(14)) {
    case 0:
    case 1:
      list.push(raw(choices.value()));
      break;
    case 2:
      list.unshift(raw(choices.value()));
      break;
    case 3:
      list.splice(at, 0, raw(choices.value()), raw(choices.value()));
      break;
    case 4:
      list.splice(at, 1 + choices.below(2));
      break;
    case 5:
      if (list.length > 0) list[at] = raw(choices.value());
      break;
    case 6:
      list.unshift(...list.splice(at, 1));
      break;
    case 7:
      list.push(...list.splice(at, 1));
      break;
    case 8:
      list.reverse();
      break;
    case 9:
      list.push(raw(choices.value()));
      list.shift();
      break;
    case 10: {
      const kept = list.filter((_, index) => (index + at) % 3 !== 0);
      list.length = 0;
      list.push(...kept);
      break;
    }
    case 11: {
      const other = choices.below(list.length);
      if (list.length > 1) [list[at], list[other]] = [list[other], list[at]];
      break;
    }
    case 12:
      list.sort((a, b) => (String(typeof a) < String(typeof b) ? -1 : 1));
      break;
    case 13:
      list.splice(choices.below(list.length), 0, ...list.splice(at, 3));
      break;
  }
}

function editMap(map: Map<unknown, unknown>, choices: Choices, raw: (value: unknown) => unknown): void {
  const key = [...map.keys()][choices.below(map.size)];
  switch (choices.below(6)) {
    case 0:
      map.set(choices.key(), raw(choices.value()));
      break;
    case 1:
      if (map.size > 0) map.set(key, raw(choices.value()));
      break;
    case 2:
      map.delete(key);
      break;
    case 3: {
      const value = map.get(key);
      if (map.delete(key)) map.set(key, value);
      break;
    }
    case 4:
      map.delete(key);
      map.set(choices.key(), 1);
      map.set(choices.key(), raw(choices.value()));
      break;
    case 5:
      if (choices.below(3) === 0) map.clear();
      else map.set(choices.below(4), 'n');
  }
}

function editSet(set: Set<unknown>, choices: Choices, raw: (value: unknown) => unknown): void {
  const member = [...set][choices.below(set.size)];
  switch (choices.below(4)) {
    case 0:
      set.add(raw(choices.value()));
      break;
    case 1:
      set.delete(member);
      break;
    case 2:
      if (set.delete(member)) set.add(member);
      break;
    case 3:
      set.delete(member);
      set.add(choices.key());
  }
}

function editFields(
  fields: Record<string, unknown>,
  choices: Choices,
  raw: (value: unknown) => unknown,
): void {
  if (Object.isFrozen(fields)) return;
  const names = Object.keys(fields);
  const name = names[choices.below(names.length)] ?? 'first';
  switch (choices.below(5)) {
    case 0:
    case 1:
      fields[name === '__proto__' ? 'proto' : name] = raw(choices.value());
      break;
    case 2: {
      const key = choices.key();
      fields[key === '__proto__' ? 'proto' : key] = raw(choices.value());
      break;
    }
    case 3:
      delete fields[name];
      break;
    case 4: {
      if (name === '__proto__') break;
      const value = fields[name];
      delete fields[name];
      fields[name] = value;
    }
  }
}
