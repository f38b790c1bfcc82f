/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

/** TypeScript to CommonJS, for jest only: legacy decorators with their metadata, no type checks (`npm run check` does those). */
const swcOptions = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'commonjs' },
};

const config: Config = {
  testEnvironment: 'node',
  testMatch: ['**/*.test.ts'], // `x.int.test.ts` included
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/(packages|examples)/[^/]+/dist/'],
  // arktype is published as ES modules only.
  transform: {
    '^.+\\.ts$': ['@swc/jest', swcOptions],
    '/node_modules/(arktype|arkregex|@ark)/.+\\.js$': [
      '@swc/jest',
      { jsc: { target: 'es2022' }, module: swcOptions.module },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(arktype|arkregex|@ark)/)'],
  moduleNameMapper: {
    '^dgents-stream$': '<rootDir>/packages/dgents-stream/src/index.ts',
    '^dgents-core$': '<rootDir>/packages/dgents-core/src/index.ts',
    '^dgents-core/([^/]+)$': '<rootDir>/packages/dgents-core/src/$1/index.ts',
    // Sources import './x.js', as Node wants it; jest finds './x.ts'.
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // A test that hangs is found all the same; one on a busy machine is given time.
  testTimeout: 60_000,
  // Half of the time is spent waiting, for processes, servers and deadlines.
  maxWorkers: 3,
  testSequencer: '<rootDir>/scripts/slow-first.mjs',
  reporters: ['default', '<rootDir>/scripts/skip-reporter.mjs'],
};

export default config;
