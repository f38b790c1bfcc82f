import { RedisAgent } from './redis-agent.js';
import { RedisBackend } from './redis-backend.js';
import { backendOf, backends } from './urls.js';

const failureOf = (work: () => unknown): Error & { code?: string } => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new TypeError('it did not fail');
};

test('options of a URL set up the backend', () => {
  expect(backendOf('redis://localhost/3?feed=true&prefix=my-app').capabilities.feed).toBe('global');
  expect(backendOf('rediss://user:secret@host:1/?expiry=absolute&hashTag=x').capabilities.feed).toBe(false);
  expect(backends['redis']?.('redis://localhost')).toBeInstanceOf(RedisBackend);
});

test.each([
  ['redis://localhost?tables=x', /takes no option "tables"/],
  ['redis://localhost?feed=yes', /feed is true or false/],
  ['redis://localhost?expiry=never', /sliding or absolute/],
  ['redis://localhost?pollMs=-1', /whole number/],
  ['redis://localhost?prefix=a/b', /^prefix is/],
  ['redis://localhost?hashTag={x}', /^hashTag is/],
  ['redis://localhost?prefix=a&prefix=b', /prefix stands twice/],
  ['redis://localhost#x', /no URL such as/],
  ['redis://localhost/db', /number of a database/],
  ['http://localhost', /no URL such as/],
  ['redis:localhost', /no URL such as/],
])('%s is refused, and it is said why', (url, said) => {
  const error = failureOf(() => backendOf(url));
  expect(error.code).toBe('DGENTS_UNSUPPORTED');
  expect(error.message).toMatch(said);
});

test('what is no URL is told without the password that it may hold', () => {
  for (const make of [
    () => backendOf('redis://user:hush-hush@ho st'),
    () => new RedisBackend({ url: 'redis://user:hush-hush@ho st' }),
    () => new RedisAgent({ url: 'redis://user:hush-hush@:x' }),
    () => backendOf('redis://user:?hush-hush@host:6379/0'),
    () => backendOf('redis://user:6379#hush-hush@host:6379'),
    () => backendOf('redis://user:100%hush-hush@host'),
    () => backendOf('redis://user?hush-hush:x'),
  ]) {
    const error = failureOf(make);
    expect(error.code).toBe('DGENTS_UNSUPPORTED');
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(
      'hush-hush',
    );
  }
});

test('it has to be said where, in one way', () => {
  expect(() => new RedisBackend({})).toThrow(TypeError);
  expect(() => new RedisBackend({ url: 'redis://a', cluster: { nodes: [{ port: 1 }] } })).toThrow(TypeError);
  expect(() => new RedisAgent({})).toThrow(TypeError);
  const backend = new RedisBackend({ url: 'redis://a' });
  expect(() => new RedisAgent({ backend, url: 'redis://a' })).toThrow(TypeError);
  expect(() => new RedisAgent({ backend, prefix: 'x' })).toThrow(TypeError);
});

test('a Cluster is atomic per key, unless a tag keeps all keys together', () => {
  const cluster = { nodes: [{ host: 'a', port: 1 }] };
  expect(new RedisBackend({ cluster, feed: true }).capabilities).toMatchObject({
    atomicity: 'key',
    feed: 'partitioned',
  });
  expect(new RedisBackend({ cluster, feed: true, hashTag: 'x' }).capabilities).toMatchObject({
    atomicity: 'store',
    feed: 'global',
  });
  expect(() => new RedisBackend({ cluster, waitReplicas: 1 })).toThrow(/Cluster takes neither/);
});

test('counts that are none are refused', () => {
  for (const waitReplicas of [-1, 1.5, Number.NaN]) {
    expect(() => new RedisBackend({ url: 'redis://a', waitReplicas })).toThrow(RangeError);
  }
});
