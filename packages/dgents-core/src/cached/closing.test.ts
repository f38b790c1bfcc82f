import { StorageUnavailableError } from '../errors.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { ForwardingAgent } from '../wrapper/forwarding-agent.js';
import { CachedAgent, LostWritesError } from './index.js';

/** The first save waits to be let go, and the second one fails. */
class Slow extends ForwardingAgent<number> {
  sent: number[] = [];
  letGo = (): void => undefined;

  override async save(...args: Parameters<ForwardingAgent<number>['save']>): Promise<number> {
    const count = this.sent.push(args[0]);
    if (count === 1) {
      await new Promise<void>((resolve) => {
        this.letGo = resolve;
      });
    }
    if (count === 2) throw new StorageUnavailableError('The store is down.');
    return super.save(...args);
  }
}

test('closing while a flush sends the rest judges each write once: lost is what is not stored', async () => {
  const inner = new Slow(new VolatileAgent<number>());
  const told: unknown[] = [];
  const agent = new CachedAgent<number>(inner, {
    mode: 'write-behind',
    flushMs: Infinity,
    onError: (error) => told.push(error),
  });
  await agent.save(1);
  const first = agent.flush();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await agent.save(2);
  const second = agent.flush().catch((error: unknown) => error);
  const closed = agent.close().catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 5));
  inner.letGo();
  await first;
  expect(await second).toBeInstanceOf(StorageUnavailableError);
  expect(await closed).toBeUndefined();
  expect(inner.sent).toEqual([1, 2, 2]);
  expect(told.filter((error) => error instanceof LostWritesError)).toEqual([]);
});
