export { type BudgetRule, perDepth } from './budget.js';
export {
  type ChildOptions,
  EntropyConstrainedAgent,
  type EntropyConstrainedAgentOptions,
} from './entropy-constrained-agent.js';
