/** SECURITY.md ties each threat to a test by file and title. This verifies that the test is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');
const ties = [...page.matchAll(/`(test\/[^`]+)`: "([^"]+)"/g)].map(
  ([, file, title]) => [file!, title!] as const,
);

describe('SECURITY.md', () => {
  it.each(ties)('%s has a test "%s"', (file, title) => {
    expect(existsSync(join(root, file)), file).toBe(true);
    const titles = readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => /\b(it|test|describe)\b|^\s*['"`]/.test(line));
    expect(titles.some((line) => line.includes(title))).toBe(true);
  });

  it('ties every threat to a test', () => {
    const rows = page.split('\n').filter((line) => /^\| (?!attack|-)/.test(line));
    expect(rows.length).toBeGreaterThan(25);
    expect(rows.filter((row) => !/`test\/[^`]+`: "/.test(row))).toEqual([]);
  });

  it.each(['client', 'gatekeeper', 'operator', 'network observer', 'pod'])(
    'has a section on the %s',
    (party) => {
      expect(page).toMatch(new RegExp(`^### A .*${party}$`, 'm'));
    },
  );
});
