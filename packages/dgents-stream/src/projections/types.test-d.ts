/** What the compiler infers: this file only has to compile. */
import type { Store } from 'dgents-core';
import { type AnyProjection, defineProjection, ProjectionProcessor } from '../index.js';
import { streams } from '../testing/accounts.js';

export function types(store: Store): void {
  const revenue = defineProjection({
    name: 'revenue',
    streams,
    initial: () => ({ sum: 0 }),
    on: { deposited: (model, { event }) => ({ sum: model.sum + event.amount }) },
  });
  const closed = defineProjection({
    name: 'closed',
    streams,
    initial: (): string[] => [],
    on: { closed: (model, { key }) => void model.push(key) },
  });
  const all: readonly AnyProjection[] = [revenue, closed];
  const processors: ProjectionProcessor[] = [
    ...[revenue, closed].map((projection) => new ProjectionProcessor(store, projection)),
    ...all.map((projection) => new ProjectionProcessor(store, projection)),
  ];
  processors.map((processor) => processor.start());
  const sum: number = new ProjectionProcessor(store, revenue).projection.definition.initial?.().sum ?? 0;
  // @ts-expect-error It was not made by defineProjection.
  new ProjectionProcessor(store, { name: String(sum) });
}
