/** docs/traces.md against the table of spans. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { spanAttributes, spanNames } from '../../src/observability/span-table.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/traces.md'), 'utf8');

/** First cells of the table under a heading, without code marks. */
function named(heading: string): string[] {
  const [section = ''] = (page.split(`## ${heading}\n`)[1] ?? '').split('\n## ');
  return [...section.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name!);
}

it('the page has every span', () => {
  expect(named('Spans').toSorted()).toEqual([...spanNames].toSorted());
});

it('it has every attribute, each with spans that exist', () => {
  expect(named('Attributes').toSorted()).toEqual(Object.keys(spanAttributes).toSorted());
  for (const [, spans] of page.matchAll(/^\| `\w+` +\| ((?:`\w+`(?:, )?)+) +\|/gm))
    for (const span of spans!.replaceAll(/[` ]/g, '').split(',')) expect(spanNames).toContain(span);
});
