export { type At, focusOn, type Key } from './focus.js';
export {
  assertCompositionLaws,
  assertLensLaws,
  assertPrismLaws,
  assertTraversalLaws,
  type LawSamples,
} from './laws.js';
export { Lens, lens, whole } from './lens.js';
export { LensAgent, type LensAgentOptions } from './lens-agent.js';
export { Prism, prism, variant } from './prism.js';
export { each, Traversal, traversal, values } from './traversal.js';
