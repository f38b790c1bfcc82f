/** `rediss:` against a server of the test's own, with certificates that openssl makes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store } from 'dgents-core';
import { RedisAgent } from '../src/redis-agent.js';
import { RedisBackend } from '../src/redis-backend.js';
import { freePort, OwnRedis, ownRedisProblem, redisBinary } from './own-redis.js';

/** Why it cannot be tried here. */
function tlsProblem(): string | undefined {
  const problem = ownRedisProblem();
  if (problem !== undefined) return problem;
  if (spawnSync('openssl', ['version']).status !== 0) return 'openssl is not installed';
  const binary = redisBinary() as string;
  // A port that is none: the server ends at once, and says of which kind the mistake is.
  const { stdout, stderr } = spawnSync(binary, ['--port', '0', '--tls-port', 'none'], { encoding: 'utf8' });
  return /Bad directive/.test(stdout + stderr) ? `this ${binary} was built without TLS` : undefined;
}

const problem = tlsProblem();
const withTls = problem === undefined ? describe : describe.skip;

withTls(`Redis over TLS${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  let directory: string;
  let server: OwnRedis;
  let port: number;

  /** A key, and a certificate for a host that it signs itself. */
  function certificate(name: string, host: string): { key: string; cert: string } {
    const [key, cert] = ['key', 'crt'].map((end) => join(directory, `${name}.${end}`)) as [string, string];
    const { status, stderr } = spawnSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`],
        ...['-addext', `subjectAltName=${host}`],
      ],
      { encoding: 'utf8' },
    );
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    return { key, cert };
  }

  const start = async (host: string): Promise<Buffer> => {
    const { key, cert } = certificate('server', host);
    port = await freePort();
    server = await OwnRedis.start({
      'tls-port': port,
      'tls-cert-file': cert,
      'tls-key-file': key,
      'tls-ca-cert-file': cert,
      'tls-auth-clients': 'no',
    });
    return readFileSync(cert);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dgents-redis-tls-'));
  });
  afterEach(async () => {
    await server.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What opening a store there and saving rejects with. */
  async function refusal(backend: RedisBackend): Promise<unknown> {
    const store = new Store(backend, { timeoutMs: 3_000 });
    const failure = await store
      .agent<number>('k')
      .save(1)
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    await store.close();
    expect(await server.say('EXISTS', 'dgents/log/k')).toBe(0);
    return failure;
  }

  test('a trusted certificate: saves, loads, and hears of changes over a second connection', async () => {
    const ca = await start('IP:127.0.0.1');
    const open = () =>
      new RedisAgent<number>({ url: `rediss://127.0.0.1:${port}/0?prefix=safe`, redis: { tls: { ca } } });
    const [one, other] = [open(), open()];
    await one.save(1);
    const watching = other.watch({ pollMs: 60_000 })[Symbol.asyncIterator]();
    expect((await watching.next()).value).toMatchObject({ state: 1 });
    const next = watching.next();
    await one.save(2);
    expect((await next).value).toMatchObject({ state: 2 });
    await watching.return?.(undefined);
    await Promise.all([one.close(), other.close()]);
    expect(await server.say('KEYS', '*')).toEqual(['safe/log/state']);
  });

  test('one that nobody vouches for is refused, and it is said what to do', async () => {
    await start('IP:127.0.0.1');
    const failure = await refusal(new RedisBackend({ url: `rediss://127.0.0.1:${port}` }));
    expect(failure).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/certificate.*tls: \{ ca \}/s),
    });
  });

  test('one of another authority is refused', async () => {
    await start('IP:127.0.0.1');
    const ca = readFileSync(certificate('stranger', 'IP:127.0.0.1').cert);
    const failure = await refusal(
      new RedisBackend({ url: `rediss://127.0.0.1:${port}`, redis: { tls: { ca } } }),
    );
    expect(failure).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('certificate'),
    });
  });

  test('one for another host is refused', async () => {
    const ca = await start('DNS:redis.example');
    const failure = await refusal(
      new RedisBackend({ url: `rediss://127.0.0.1:${port}`, redis: { tls: { ca } } }),
    );
    expect(failure).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/another host/),
    });
  });

  test('redis: where TLS is spoken, and rediss: where it is not, are typed errors in time', async () => {
    await start('IP:127.0.0.1');
    for (const url of [`redis://127.0.0.1:${port}`, `rediss://127.0.0.1:${server.port}`]) {
      expect(await refusal(new RedisBackend({ url }))).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    }
  });
});
