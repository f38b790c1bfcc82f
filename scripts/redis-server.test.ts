import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What the script says of these circumstances. */
function isWanted(given: { env?: object; isRoot?: boolean; programs?: string[] }): unknown {
  const { env = {}, isRoot = true, programs = ['apt-get'] } = given;
  const code = `
    import { isWanted } from ${JSON.stringify(join(__dirname, 'redis-server.mjs'))};
    const { env, isRoot, programs } = JSON.parse(process.argv[1]);
    console.log(isWanted({ env, isRoot, has: (program) => programs.includes(program) }));`;
  const args = ['--input-type=module', '-e', code, JSON.stringify({ env, isRoot, programs })];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('a Redis is installed by root on Debian, where there is none and none is named', () => {
  expect(isWanted({})).toBe(true);
});

test.each([
  ['one is named', { env: { REDIS_URL: 'redis://host' } }],
  ['it is not wished for', { env: { DGENTS_TEST_REDIS: 'none' } }],
  ['somebody else than root runs the tests', { isRoot: false }],
  ['there is no apt-get', { programs: [] }],
  ['redis-server is there', { programs: ['apt-get', 'redis-server'] }],
  ['valkey-server is there', { programs: ['apt-get', 'valkey-server'] }],
])('nothing is installed where %s', (_, circumstances) => {
  expect(isWanted(circumstances)).toBe(false);
});
