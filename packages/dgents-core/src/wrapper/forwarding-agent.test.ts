import { CachedAgent } from '../cached/index.js';
import { EntropyConstrainedAgent } from '../entropy/index.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { ForwardingAgent, LentAgent } from './index.js';

describe.each([ForwardingAgent, LentAgent, CachedAgent, EntropyConstrainedAgent])('%p', (Wrapper) => {
  const wrap = (inner: unknown) => () => new Wrapper(inner as never);

  test.each([[undefined], [null], [{}], [5], ['agent'], [VolatileAgent]])(
    'refuses %p for an agent',
    (inner) => {
      expect(wrap(inner)).toThrow(TypeError);
      expect(wrap(inner)).toThrow(/agent/);
    },
  );

  test('names the first method that is missing', async () => {
    const agent = new VolatileAgent();
    const broken = new Proxy(agent, {
      get: (target, name) => (name === 'watch' ? 1 : Reflect.get(target, name)),
    });
    expect(wrap(broken)).toThrow('has no method `watch`');
    expect(wrap(agent)).not.toThrow();
    await agent.close();
  });
});
