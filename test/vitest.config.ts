import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SuiteReporter } from './runner/suite-reporter.ts';

/** Tests that start processes wait for them half of the time: four files at once, on any machine, after the unit tests. */
const fourAtOnce = {
  maxWorkers: 4,
  sequence: { groupOrder: 1 },
  testTimeout: 240_000,
  hookTimeout: 360_000,
};

const root = new URL('..', import.meta.url).pathname;

// Unit and property tests mirror src/; system tests run the proxy as a process; interop tests run it with other
// people's servers and clients.
export default defineConfig({
  test: {
    root,
    // Processes that tests start take compiled code of earlier starts, which halves the processor time of a start.
    env: { NODE_COMPILE_CACHE: `${root}node_modules/.cache/narthex-tests` },
    // See test/long/without-fast-paths.ts.
    setupFiles: process.env['WITHOUT_FAST_PATHS'] === 'yes' ? ['test/runner/without-fast-paths.ts'] : [],
    reporters: [new SuiteReporter(), 'default'],
    silent: 'passed-only',
    slowTestThreshold: 10_000,
    // The default leaves one processor to the runner, which hardly works while tests run. One more than there are
    // processors, since some tests wait.
    maxWorkers: availableParallelism() + 1,
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
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'system', include: ['test/{scenario,system}/**/*.test.ts'], ...fourAtOnce },
      },
      { extends: true, test: { name: 'interop', include: ['test/interop/**/*.test.ts'], ...fourAtOnce } },
    ],
  },
});
