import { test } from '@jest/globals';
import { RedisBackend } from '../../dgents-redis/src/redis-backend.js';
import { advance, newPrefix, removePrefix } from '../../dgents-redis/test/places.js';
import { durabilityAt, redisUrl } from '../../dgents-redis/test/redis.js';
import { describeOnStores } from './kit-on-stores.js';

const url = redisUrl();

if (url === undefined) {
  test.skip('streams on a real Redis (skipped: no Redis answers; set REDIS_URL)', () => undefined);
} else {
  describeOnStores({
    name: 'Redis',
    durability: durabilityAt(url),
    sharing: 'network',
    query: { store: 'redis', server: url },
    create: newPrefix,
    backend: (prefix) => new RedisBackend({ url, prefix, pollMs: 20 }),
    destroy: (prefix) => removePrefix(url, prefix),
    advance: (prefix, ms) => advance(url, prefix, ms),
  });
}
