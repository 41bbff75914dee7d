/** SECURITY.md ties each threat to a test by file and title. This verifies that the test is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isThere, tiesOf } from '../support/tied-tests.ts';

const root = new URL('../..', import.meta.url).pathname;
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');
const ties = tiesOf(page);

describe('SECURITY.md', () => {
  it.each(ties)('$file has a test "$title"', (tie) => {
    expect(isThere(tie)).toBe(true);
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
