import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** jest runs CommonJS; the scripts are ES modules, so Node itself calls them. */
function call(name: string, argument: unknown): unknown {
  const code = `import * as module from ${JSON.stringify(join(__dirname, 'lock-platforms.mjs'))};
    console.log(JSON.stringify(module.${name}(${JSON.stringify(argument)})));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

const packages = {
  'node_modules/tool': {
    version: '1.2.3',
    dev: true,
    optionalDependencies: {
      '@tool/linux-x64-musl': '1.2.3',
      '@tool/darwin-arm64': '1.2.3',
      fsevents: '^2.0.0',
    },
  },
  'node_modules/@tool/darwin-arm64': { version: '1.2.3', resolved: 'https://registry.example/a.tgz' },
};

test('platform packages a registry left out are named with the platform their name tells', () => {
  expect(call('missingPlatforms', packages)).toEqual({
    'node_modules/@tool/linux-x64-musl': {
      version: '1.2.3',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    },
  });
});

test('a lockfile that lacks a platform or names its registry is reported', () => {
  expect(call('lockfileProblems', { packages })).toEqual([
    'node_modules/@tool/linux-x64-musl is missing',
    'node_modules/@tool/darwin-arm64 names the registry it came from',
  ]);
});
