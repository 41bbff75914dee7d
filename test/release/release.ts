/** `npm run release`: makes the artifacts of a release in `release`, and prints what is left to do by hand. Refuses
 *  what `npm run release:check` refuses, and a tree that differs from its commit. Publishes and signs nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { releaseProblems } from './check.ts';
import { writeArtifacts } from './artifacts.ts';

const root = new URL('../..', import.meta.url).pathname;
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const { version } = JSON.parse(read('package.json')) as { version: string };
const problems = releaseProblems({ security: read('SECURITY.md'), changelog: read('CHANGELOG.md'), version });
if (git('status', '--porcelain') !== '')
  problems.push('The tree differs from its commit. Commit or remove what `git status` lists.');
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

const commit = git('rev-parse', 'HEAD');
const date = new Date(Number(git('log', '-1', '--format=%ct')) * 1_000).toISOString();
const target = join(root, 'release');
for (const file of writeArtifacts(root, target, { commit, date }))
  console.log(relative('.', join(target, file)));
const [, checklist] = /^## Checklist\n\n([^#]+)/m.exec(read('docs/release.md'))!;
console.log(`\nWhat is left, from docs/release.md:\n\n${checklist!.trim()}`);
