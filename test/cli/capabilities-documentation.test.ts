/** docs/capabilities.md shows commands and what they print: run here, compared, and written by UPDATE_GOLDEN=1. */
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { register } from '../../src/cli/capabilities.ts';
import { table } from '../capabilities/shipped.ts';
import { root } from './narthex.ts';

const path = join(root, 'docs/capabilities.md');
const page = readFileSync(path, 'utf8');
/** Documents that the page shows under their names. */
const files = new Map(
  [...page.matchAll(/^`([a-z]+\.(?:yaml|xml))`:\n\n```[a-z]+\n([^]*?)```$/gm)].map(([, name, text]) => [
    name!,
    text!,
  ]),
);

async function run(command: string): Promise<string> {
  const lines: string[] = [];
  const program = new Command().exitOverride();
  register(program, {
    readFile: async (name) => files.get(name) ?? (await readFile(name, 'utf8')),
    readFolder: (folder) => readdir(folder),
    readStdin: () => Promise.resolve(''),
    out: (line) => lines.push(line),
    setExitCode: () => {},
    policies: join(root, 'policies'),
  });
  await program.parseAsync(command.split(' ').slice(1), { from: 'user' });
  return lines.map((line) => `${line}\n`).join('');
}

it('shows what the commands print', async () => {
  const blocks = [...page.matchAll(/```console\n\$ (narthex [^\n]*)\n([^]*?)```/g)];
  expect(blocks.map(([, command]) => command!.split(' ')[2])).toEqual(['preview', 'hash', 'diff']);
  let written = page;
  for (const [block, command] of blocks) {
    const printed = await run(command!);
    written = written.replace(block, () => `\`\`\`console\n$ ${command!}\n${printed}\`\`\``);
  }
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, written);
  else expect(page).toBe(written);
});

it('states of every kind what is visible from outside', () => {
  const words: Record<string, string> = {
    image: 'pictures',
    video: 'films',
    voice: 'sound',
    file: 'files',
    edit: 'corrections',
    reply: 'replies',
    location: 'places',
    typing: 'typing notices',
    'audio-call': 'calls',
    'video-call': 'calls',
  };
  for (const { name, fromOutside } of table.kinds.values()) {
    const paragraph = new RegExp(`^- \\*\\*${fromOutside}\\*\\*: ([^]*?)\\.`, 'm').exec(page)![1]!;
    expect(paragraph, name).toContain(words[name] ?? name);
  }
});
