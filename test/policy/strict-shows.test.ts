/** docs/policies/strict-shows.md: every field that a gatekeeper still gets under the strictest shipped policy, and why. The
 *  reasons are written in the page. A field without one has what breaks without it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openPolicy } from '../../src/app/files/policies.ts';
import { concerns, type Field } from '../../src/policy/catalogue.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { describeTreatment } from '../../src/policy/describe.ts';
import { catalogue, media, names, pseudonyms, root } from './fixtures.ts';

const path = `${root}/docs/policies/strict-shows.md`;
const begin =
  '<!-- fields: written by `UPDATE_GOLDEN=1 vitest run test/policy/strict-shows.test.ts`, which keeps the reasons -->';
const end = '<!-- end of fields -->';
const policy = new CompiledPolicy(openPolicy('strict'), { catalogue, names, pseudonyms, media });

/** Treatments after which the gatekeeper has nothing of the value. */
const taken = ['drop', 'refuse', 'answer'];

interface Row {
  readonly field: string;
  readonly what: string;
  readonly as: string;
  readonly reason: string;
}

const shown: readonly Field[] = [...catalogue.fields.values()]
  .filter(
    (field) =>
      concerns(field, 'gatekeeper') && !taken.includes(policy.treatment('gatekeeper', field.name).kind),
  )
  .toSorted((a, b) => (a.name < b.name ? -1 : 1));

function readRows(): Row[] {
  const table = readFileSync(path, 'utf8').split(begin)[1]!.split(end)[0]!;
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, field = '', what = '', as = '', reason = ''] = line.split('|').map((cell) => cell.trim());
      return { field: field.replaceAll('`', ''), what, as, reason };
    });
}

function freshRows(written: readonly Row[]): Row[] {
  return shown.map((field) => ({
    field: field.name,
    what: field.title,
    as: describeTreatment(policy.treatment('gatekeeper', field.name)),
    reason: written.find((row) => row.field === field.name)?.reason ?? `breaks without it: ${field.breaks}`,
  }));
}

if (process.env['UPDATE_GOLDEN'] === '1') {
  const page = readFileSync(path, 'utf8');
  const lines = freshRows(readRows()).map(
    ({ field, what, as, reason }) => `| \`${field}\` | ${what} | ${as} | ${reason} |`,
  );
  const table = ['| field | what | seen as | reason |', '| --- | --- | --- | --- |', ...lines].join('\n');
  writeFileSync(path, `${page.split(begin)[0]}${begin}\n\n${table}\n\n${end}${page.split(end)[1]}`);
}

describe('what a gatekeeper still sees under strict', () => {
  const rows = readRows();

  it('is on the page, as the policy has it', () => {
    const withoutReason = ({ field, what, as }: Row) => ({ field, what, as });
    expect(rows.map(withoutReason)).toEqual(freshRows(rows).map(withoutReason));
  });

  it.each(rows)('has a reason: $field', ({ reason }) => {
    expect(reason.length).toBeGreaterThan(12);
    expect(reason).not.toMatch(/^(breaks without it: )?nothing/);
  });
});
