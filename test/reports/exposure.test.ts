import { describe, expect, test } from 'vitest';
import { openCatalogue, openPolicy } from '../../src/app/files/policies.ts';
import { describeTreatment } from '../../src/policy/describe.ts';
import { concerns } from '../../src/policy/catalogue.ts';
import { treatmentOf } from '../../src/policy/policy.ts';
import { audienceNames } from '../../src/policy/schema.ts';
import { exposureDocument, fingerprintDocument } from '../../src/reports/document.ts';
import { exposureReport, type ExposureReport, type FieldCount } from '../../src/reports/exposure.ts';
import { fingerprintReport } from '../../src/reports/fingerprints.ts';
import { renderHtml } from '../../src/reports/html.ts';
import { renderCsv, renderMarkdown, renderText } from '../../src/reports/render.ts';

const catalogue = openCatalogue();
const now = Date.UTC(2026, 10, 29);

function reportOf(name: string, rows?: readonly FieldCount[]): ExposureReport {
  const counts = rows && { provenance: 'a ledger', rows };
  return exposureReport({ policy: openPolicy(name), digest: 'd'.repeat(43), catalogue, counts, now });
}

describe.each(['passthrough', 'balanced', 'strict'])('the exposure under %s', (name) => {
  const policy = openPolicy(name);
  const report = reportOf(name);

  test('has every field for every audience, as the policy treats it', () => {
    expect(report.rows.map(({ field }) => field)).toEqual([...catalogue.fields.keys()].toSorted());
    for (const { field, audiences } of report.rows) {
      for (const audience of audienceNames) {
        const { treatment } = treatmentOf(policy, audience, field);
        const reaches = concerns(catalogue.fields.get(field)!, audience);
        const words = reaches ? describeTreatment(treatment) : 'not sent';
        expect(audiences[audience].words).toBe(words);
      }
    }
  });

  test('names a line of a file for each row', () => {
    for (const { audiences } of report.rows)
      for (const audience of audienceNames)
        expect(audiences[audience].source).toMatch(/^(policies\/[a-z]+\.yaml:\d+|unlisted|catalogue)$/);
  });
});

test('counts of a ledger stand with their field and audience', () => {
  const counts = [
    { audience: 'gatekeeper', field: 'chat-state.active', treatment: 'drop', count: 3 },
    { audience: 'gatekeeper', field: 'id.thread', treatment: 'drop', count: 2 },
    { audience: 'gatekeeper', field: 'id.thread', treatment: 'keep', count: 5 },
  ];
  const thread = reportOf('strict', counts).rows.find(({ field }) => field === 'id.thread')!;
  expect(thread.audiences.gatekeeper.counted).toBe(7);
  expect(thread.audiences.client.counted).toBe(0);
  expect(reportOf('strict').rows[0]!.audiences.client.counted).toBeUndefined();
});

describe('fingerprints', () => {
  test('fall from policy to policy for the gatekeeper', () => {
    const [passthrough, balanced, strict] = ['passthrough', 'balanced', 'strict'].map(
      (name) =>
        fingerprintReport(reportOf(name)).remaining.filter(({ audience }) => audience === 'gatekeeper')
          .length,
    );
    expect(passthrough).toBeGreaterThan(balanced!);
    expect(balanced).toBeGreaterThan(strict!);
  });

  test('of a policy in shadow are all of them', () => {
    const shadow = exposureReport({
      policy: { ...openPolicy('strict'), mode: 'shadow' },
      digest: 'd'.repeat(43),
      catalogue,
      counts: undefined,
      now,
    });
    const report = fingerprintReport(shadow);
    const described = [...catalogue.fields.values()].filter(({ category }) =>
      ['device', 'location'].includes(category),
    );
    const reached = described.flatMap((field) =>
      audienceNames.filter((audience) => concerns(field, audience)),
    );
    expect(report.remaining).toHaveLength(reached.length);
    expect(renderText(fingerprintDocument(report))).toContain('!! This policy is in shadow');
  });

  /** The report under passthrough, with another treatment of the version for clients. */
  function withVersion(treatment: 'drop' | 'equalise'): ReturnType<typeof fingerprintReport> {
    const report = reportOf('passthrough');
    const rows = report.rows.map((row) => {
      const { audiences } = row;
      if (row.field !== 'version.iq') return row;
      return { ...row, audiences: { ...audiences, client: { ...audiences.client, treatment } } };
    });
    return fingerprintReport({ ...report, rows });
  }

  test('name a version that is withheld while capabilities give it away', () => {
    expect(withVersion('drop').contradictions).toContainEqual(
      expect.objectContaining({ audience: 'client', withheld: 'version.iq', given: 'caps.hash' }),
    );
  });

  test('have a version that arrives at an equalised time, since nothing of it is withheld', () => {
    const { remaining, contradictions } = withVersion('equalise');
    expect(remaining).toContainEqual(expect.objectContaining({ audience: 'client', field: 'version.iq' }));
    expect(
      contradictions.filter(({ audience, withheld }) => audience === 'client' && withheld === 'version.iq'),
    ).toEqual([]);
  });
});

describe('formats', () => {
  const document = exposureDocument(reportOf('strict'));
  const hostile = {
    title: 'a <b> & "c"',
    facts: [['name', '<script>alert(1)</script>']] as const,
    alarm: '<i>',
    sections: [
      {
        title: '<x>',
        bars: [{ label: '<y>', parts: [{ name: '<z>', count: 1 }] }],
        table: { columns: ['one', 'two'], rows: [['=1+1', 'a "quoted", cell']] },
      },
    ],
  };

  test('HTML loads nothing, runs nothing, and escapes what it shows', () => {
    const html = renderHtml(document);
    expect(html).not.toMatch(/<script|https?:|src=|href=|url\(/i);
    expect(html).toContain("default-src 'none'");
    const escaped = renderHtml(hostile);
    for (const tag of ['<b>', '<i>', '<x>', '<y>', '<z>', '<script>']) expect(escaped).not.toContain(tag);
  });

  test('CSV quotes cells, and writes no formula', () => {
    expect(renderCsv(hostile)).toBe(`one,two\r\n'=1+1,"a ""quoted"", cell"\r\n`);
    expect(renderCsv(document).split('\r\n')).toHaveLength(catalogue.fields.size * audienceNames.length + 2);
  });

  test('Markdown has one line for each row', () => {
    const markdown = renderMarkdown(document);
    expect(markdown.split('\n').filter((line) => line.startsWith('| id.thread '))).toHaveLength(5);
    expect(renderMarkdown(hostile)).toContain('\\<script\\>');
  });

  test('text has the same rows', () => {
    expect(
      renderText(document)
        .split('\n')
        .filter((line) => line.startsWith('id.thread ')),
    ).toHaveLength(5);
  });
});
