/** The laws of optics, to be tried on your own: each throws an AssertionError that names the law and the sample. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Codec } from '../codec/codec.js';
import { type Lens, whole } from './lens.js';
import type { Prism } from './prism.js';
import type { Traversal } from './traversal.js';

const codec = new Codec();

/** Wholes and parts as states are: of what the codec knows. */
export interface LawSamples<S, A> {
  readonly wholes: readonly S[];
  readonly parts: readonly A[];
}

/** GetPut, PutGet and PutPut, and that neither function changes what it is given. */
export function assertLensLaws<S, A>(
  lens: Lens<S, A>,
  { wholes, parts }: LawSamples<NoInfer<S>, NoInfer<A>>,
): void {
  for (const all of wholes) {
    const before = codec.clone(all);
    same('GetPut', lens.set(all, lens.get(all)), all, all);
    for (const part of parts) {
      const given = codec.clone(part);
      const put = lens.set(all, part);
      same('PutGet', lens.get(put), part, all);
      for (const other of parts) same('PutPut', lens.set(put, other), lens.set(all, other), all);
      same('a part is left as it was', part, given, all);
    }
    same('a whole is left as it was', all, before, before);
  }
}

/** That what was built matches, and what matches builds the same. */
export function assertPrismLaws<S, A>(
  prism: Prism<S, A>,
  { wholes, parts }: LawSamples<NoInfer<S>, NoInfer<A>>,
): void {
  for (const part of parts) same('MatchBuild', prism.match(prism.build(part)), { part }, part);
  for (const all of wholes) {
    const found = prism.match(all);
    if (found !== undefined) same('BuildMatch', prism.build(found.part), all, all);
  }
}

/** That changing nothing changes nothing, that two changes compose, and that all parts are reached. */
export function assertTraversalLaws<S, A>(
  traversal: Traversal<S, A>,
  wholes: readonly NoInfer<S>[],
  [first, second]: readonly [(part: NoInfer<A>) => NoInfer<A>, (part: NoInfer<A>) => NoInfer<A>],
): void {
  for (const all of wholes) {
    const before = codec.clone(all);
    same(
      'identity',
      traversal.modify(all, (part) => part),
      all,
      all,
    );
    const twice = traversal.modify(traversal.modify(all, first), second);
    same(
      'composition',
      traversal.modify(all, (part) => second(first(part))),
      twice,
      all,
    );
    same('all parts', traversal.all(traversal.modify(all, first)), traversal.all(all).map(first), all);
    same('a whole is left as it was', all, before, before);
  }
}

/** That `whole` changes nothing on either side, and that it does not matter how three lenses are grouped. */
export function assertCompositionLaws<S, A, B, C>(
  [one, two, three]: readonly [Lens<S, A>, Lens<A, B>, Lens<B, C>],
  { wholes, parts }: LawSamples<S, C>,
): void {
  const due = one.compose(two).compose(three);
  const equals: [string, Lens<S, C>][] = [
    ['associativity', one.compose(two.compose(three))],
    ['identity before', whole<S>().compose(due)],
    ['identity after', due.compose(whole<C>())],
  ];
  for (const [law, lens] of equals) {
    for (const all of wholes) {
      same(law, lens.get(all), due.get(all), all);
      for (const part of parts) same(law, lens.set(all, part), due.set(all, part), all);
    }
  }
}

function same(law: string, actual: unknown, due: unknown, sample: unknown): void {
  try {
    assert.deepEqual(actual, due);
  } catch {
    const message = `${law} does not hold for ${inspect(sample)}: ${inspect(actual)} is not ${inspect(due)}`;
    throw new assert.AssertionError({ message, actual, expected: due, operator: law, stackStartFn: same });
  }
}
