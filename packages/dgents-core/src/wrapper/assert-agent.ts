import type { DataAgent } from '../data-agent.js';

const METHODS = [
  'ready',
  'load',
  'read',
  'save',
  'update',
  'history',
  'timeline',
  'watch',
  'delete',
  'close',
] as const satisfies readonly (keyof DataAgent<unknown>)[];

/** @throws TypeError when the value lacks a method that every agent has */
export function assertAgent(value: unknown): void {
  const agent = (value ?? {}) as Readonly<Record<string, unknown>>;
  const missing = METHODS.find((method) => typeof agent[method] !== 'function');
  if (missing === undefined) return;
  const what = value === null || typeof value !== 'object' ? String(value) : 'this object';
  throw new TypeError(
    `A wrapper goes around an agent, such as \`store.agent(key)\`: ${what} has no method \`${missing}\`.`,
  );
}
