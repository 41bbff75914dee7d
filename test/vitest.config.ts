import { defineConfig } from 'vitest/config';
import { SuiteReporter } from './runner/suite-reporter.ts';

/** Tests that start processes and share the loopback run one file at a time. */
const oneAtATime = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 };

// Unit and property tests mirror src/; system tests run the proxy as a process; interop tests run it with other
// people's servers and clients.
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: [new SuiteReporter(), 'default'],
    silent: 'passed-only',
    slowTestThreshold: 10_000,
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.as.ts', 'src/**/*.wasm.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportsDirectory: 'coverage',
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/scenario/**', 'test/interop/**', 'test/system/**', 'test/**/fixtures/**'],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: { name: 'system', include: ['test/{scenario,system}/**/*.test.ts'], ...oneAtATime },
      },
      { extends: true, test: { name: 'interop', include: ['test/interop/**/*.test.ts'], ...oneAtATime } },
    ],
  },
});
