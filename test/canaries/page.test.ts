/** docs/canaries.md names every place, every option and every value that is kept on purpose. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keepings } from '../../src/canaries/named.ts';
import { placeMeanings } from '../../src/canaries/places.ts';
import { narthex } from '../cli/narthex.ts';

const page = readFileSync(new URL('../../docs/canaries.md', import.meta.url), 'utf8');

/** Cells of the rows of every table, without their padding. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())); // prettier-ignore

it('has the places with their meanings', () => {
  for (const [place, meaning] of Object.entries(placeMeanings))
    expect(rows).toContainEqual([`\`${place}\``, meaning]);
});

it('has what is kept on purpose, by what and how long', () => {
  for (const { what, until } of keepings)
    expect(rows.map((row) => row.slice(1))).toContainEqual([what, until]);
});

it('has options that the command takes', async () => {
  const { stdout } = await narthex(['audit', 'canaries', '--help']);
  const named = new Set(page.match(/(?<![\w-])--[a-z][a-z-]+/g));
  for (const option of named) {
    // Options of Node itself.
    if (['--inspect', '--zero-fill-buffers', '--heap-snapshot-string-limit'].includes(option)) continue;
    expect(stdout).toContain(`${option} `);
  }
});
