/** What people are told when acknowledged writes are lost. */
import { memoryBackend, Store } from '../index.js';
import { CachedAgent } from './index.js';

async function lostByClosing(onError?: (error: unknown) => void): Promise<Error> {
  const store = new Store(memoryBackend());
  const agent = new CachedAgent(store.agent<number>('n'), {
    mode: 'write-behind',
    flushMs: 10_000,
    ...(onError && { onError }),
  });
  await agent.save(1);
  await store.close();
  return agent.close().then(
    () => Promise.reject(new RangeError('nothing was lost')),
    (error: Error) => error,
  );
}

test('a cache that is closed after its store says in which order to close them', async () => {
  const lost = await lostByClosing(() => undefined);
  expect(lost).toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  expect(lost.message).toContain('Close the cache before its store');
});

test('a warning has the message once', async () => {
  const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    const { message } = await lostByClosing();
    const [[text, options]] = warnings.mock.calls as unknown as [[string, { detail: string }]];
    expect(text).toBe(message);
    expect(options.detail).toMatch(/^ {4}at /);
    expect(options.detail).not.toContain(message);
  } finally {
    warnings.mockRestore();
  }
});
