/** All states of a Redis brought to a new schema version. */
import { describeMigration } from '../../dgents-core/test/describe-migration.js';
import { RedisBackend } from '../src/redis-backend.js';
import { newPrefix, removePrefix } from './places.js';
import { redisUrl } from './redis.js';

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';

withServer(`a Redis${reason}`, () => {
  let prefix: string;
  beforeEach(() => {
    prefix = newPrefix();
  });
  afterEach(() => removePrefix(url, prefix));

  describeMigration(() => new RedisBackend({ url, prefix }));
});
