/** The address of an agent's state, where the agent tells it: agents of dgents do, and their wrappers pass it on. */
export function keyOf(agent: object): string | undefined {
  const { key } = agent as { readonly key?: unknown };
  return typeof key === 'string' ? key : undefined;
}
