/** `npm run golden [-- FILE…]`: writes anew what tests keep in files: golden stanzas, tables and outputs in documents,
 *  published schemas. Runs the unit tests that read UPDATE_GOLDEN, or the files named. What changed is for a person to
 *  judge, with git diff. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;

/** Unit tests that write their files when told so. Tests that need other people's servers are named by hand. */
function goldenTests(): string[] {
  return globSync('test/**/*.test.ts', { cwd: root })
    .filter((file) => !/^test\/(system|interop|scenario|runner)\//.test(file))
    .filter((file) => readFileSync(join(root, file), 'utf8').includes("process.env['UPDATE_GOLDEN']"))
    .toSorted();
}

/** Runs a tool of node_modules, by its script, and returns its exit code. */
function run(tool: string, ...args: readonly string[]): number {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', tool), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, UPDATE_GOLDEN: '1' },
  });
  return status ?? 1;
}

const named = process.argv.slice(2);
const tests = named.length === 0 ? goldenTests() : named;
const failed = run('vitest/vitest.mjs', 'run', '--config', join(root, 'test/vitest.config.ts'), ...tests);
run('prettier/bin/prettier.cjs', '--write', '--log-level', 'warn', 'deploy', 'docs', 'policies', '*.md');
process.exit(failed);
