import type { DataAgent } from '../src/index.js';
import { STATE_RULES } from '../src/state/state-rules.js';

/** An agent of somebody else, as far as wrappers can tell: it says nothing of its states. */
export function stranger<S>(agent: DataAgent<S>): DataAgent<S> {
  return new Proxy(agent, {
    get: (target, name) => {
      if (name === STATE_RULES) return undefined;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
