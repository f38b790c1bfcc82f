/** What the compiler infers: this file only has to compile. */
import type { Versioned } from 'dgents-core';
import { Cluster, Redis } from 'ioredis';
import { z } from 'zod';
import { RedisAgent, RedisBackend } from './index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => undefined;
}

interface Page {
  title: string;
  visits: number;
  likes?: number;
  counts: { shares: number };
}

export async function inference(): Promise<void> {
  const page = new RedisAgent<Page>({ url: 'redis://localhost', key: 'page:1', ttlMs: 1_000 });
  expectType<number>()(await page.increment('visits'), true);
  await page.increment('likes', -1, { timeoutMs: 100 });
  await page.increment(['counts', 'shares'], 2);
  // @ts-expect-error it holds no number
  await page.increment('title');
  // @ts-expect-error there is no such field
  await page.increment('visitors');
  expectType<Versioned<Page> | undefined>()(
    await page.updateIf(
      ({ visits }) => visits < 10,
      (draft) => {
        draft.visits += 1;
      },
    ),
    true,
  );
  await page.updateIf(
    (state) => {
      // @ts-expect-error a condition changes nothing
      state.visits = 1;
      return true;
    },
    () => undefined,
  );

  const schema = z.object({ name: z.string() });
  const bySchema = new RedisAgent<z.infer<typeof schema>>({ client: new Redis(), schema });
  expectType<{ name: string }>()(await bySchema.load(), true);
  // The schema says what the state is; `initial` is one of those.
  const tagged = z.object({ tags: z.array(z.string()), kind: z.enum(['a', 'b']) });
  const both = new RedisAgent({
    client: new Redis(),
    schema: tagged,
    initial: () => ({ tags: [], kind: 'a' }),
  });
  expectType<z.infer<typeof tagged>>()(await both.load(), true);
  await both.update((draft) => void draft.tags.push('x'));
  // @ts-expect-error no such kind
  new RedisAgent({ client: new Redis(), schema: tagged, initial: () => ({ tags: [], kind: 'c' }) });
  // @ts-expect-error a transformation does not accept its own output
  new RedisAgent({ client: new Redis(), schema: z.object({ n: z.string().transform(Number) }) });
  const byInitial = new RedisAgent({ client: new Cluster([{ port: 1 }]), initial: () => ({ count: 0 }) });
  expectType<{ count: number }>()(await byInitial.load(), true);
  new RedisBackend({ cluster: { nodes: [{ host: 'a', port: 1 }] }, hashTag: 'agents' });
  new RedisBackend({ redis: { sentinels: [{ host: 'a', port: 1 }], name: 'main' }, waitReplicas: 1 });
}
