/** docs/policies.md shows what the commands really print: every block that begins with `$ narthex policy` is run.
 *  UPDATE_GOLDEN=1 writes the output anew. A line of three dots stands for any number of lines. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { register } from '../../src/cli/policy.ts';
import { root, today } from '../policy/fixtures.ts';

const page = `${root}/docs/policies.md`;
const block = /```console\n\$ narthex (policy [^\n]+)\n([^`]*)```/g;

/** Standard output, then the exit code, which a shell would not show. */
function run(line: string): string {
  const said: string[] = [];
  const program = new Command('narthex').exitOverride();
  register(program, {
    out: (text) => said.push(text),
    err: (text) => said.push(text),
    setExitCode: (code) => said.push(...(code === 0 ? [] : [`(exit code ${code})`])),
    clock: () => today,
    paint: (_, word) => word,
  });
  program.parse(line.split(' '), { from: 'user' });
  return `${said.join('\n')}\n`;
}

/** The same with all but the lines that the page shows left out. */
function shortened(output: string, shown: string): string {
  if (!shown.split('\n').includes('...')) return output;
  const kept = new Set(shown.split('\n'));
  const lines = output.split('\n').map((line) => (kept.has(line) ? line : '...'));
  return lines.filter((line, index) => line !== '...' || lines[index - 1] !== '...').join('\n');
}

it('docs/policies.md shows what the commands print', () => {
  const text = readFileSync(page, 'utf8');
  let blocks = 0;
  const fresh = text.replace(block, (_, line: string, shown: string) => {
    blocks += 1;
    return `\`\`\`console\n$ narthex ${line}\n${shortened(run(line), shown)}\`\`\``;
  });
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(page, fresh);
  expect(blocks).toBeGreaterThan(5);
  expect(readFileSync(page, 'utf8')).toBe(fresh);
});
