import { redisError, wasNotWritten } from './errors.js';

/** As the driver gives it. */
function reply(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

describe('a right that is missing', () => {
  test.each([
    ['outside of a script', "NOPERM User app has no permissions to run the 'evalsha' command"],
    [
      'in a script, on Redis 6 and 7.0',
      "ERR The user executing the script can't run this command or subcommand script: f_1, on @user_script:4.",
    ],
    [
      'in a script, on Redis 7.2 and Valkey',
      "ERR ACL failure in script: User app has no permissions to run the 'llen' command script: f_1, on @user_script:4.",
    ],
  ])('is known %s: nothing was written, and it is said what to do', (_, message) => {
    expect(wasNotWritten(reply(message))).toBe(true);
    expect(redisError(reply(message), 'Redis at here')).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('docs/formats/redis.md'),
    });
  });

  test('what only sounds like it is in doubt', () => {
    expect(wasNotWritten(reply('ERR something in a script: f_1, on @user_script:4.'))).toBe(false);
    expect(wasNotWritten(new Error('ACL failure in script'))).toBe(false);
  });
});
