/** docs/websocket.md names the tests of each rule of RFC 7395, and of RFC 6455 where a peer may break it. This verifies that
 *  each rule has a test, and that the tests are there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isThere, tiesOf } from '../support/tied-tests.ts';

const page = readFileSync(new URL('../../docs/websocket.md', import.meta.url), 'utf8');
const rules = page.split('\n').filter((line) => line.startsWith('| §'));

/** Sections of RFC 7395 that bind a server or its client. */
const sections = '3.1 3.2 3.3.1 3.3.2 3.3.3 3.4 3.5 3.6 3.6.1 3.7 3.8 3.9 3.10 4 6'.split(' ');

describe('docs/websocket.md', () => {
  it.each(tiesOf(page))('$file has a test "$title"', (tie) => {
    expect(isThere(tie)).toBe(true);
  });

  it('ties every rule to a test', () => {
    expect(rules.filter((rule) => tiesOf(rule).length === 0)).toEqual([]);
  });

  it.each(sections)('has the rules of RFC 7395 §%s', (section) => {
    const named = rules.flatMap((rule) => rule.split('|')[1]!.match(/[\d.]+/g)!);
    expect(named).toContain(section);
  });
});
