import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCatalogue } from '../../src/app/files/policies.ts';
import { concerns } from '../../src/policy/catalogue.ts';
import type { ConfigurationReport } from '../../src/reports/configuration/configuration.ts';
import type { ExposureReport } from '../../src/reports/exposure.ts';
import { renderHtml } from '../../src/reports/html.ts';
import { publicDocument, publicReport } from '../../src/reports/public.ts';
import { renderMarkdown } from '../../src/reports/render.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import {
  baseConfiguration,
  gatekeeper,
  gatekeeperServices,
  reportOn,
  services,
  signals,
} from './configurations.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const names = { provider: 'Third Messenger', gatekeeper: 'Very Large Messenger' };

const pageOf = (report: ConfigurationReport<ExposureReport>): string =>
  renderMarkdown(publicDocument(publicReport(report, names)));

test('every kind of information that can reach the gatekeeper is in one of three lists', async () => {
  const page = publicReport(await reportOn(folder, baseConfiguration()), names);
  const { sees, seesChanged, withheld, figures } = page;
  expect([sees.length, seesChanged.length, withheld.length]).toEqual([
    figures.sees,
    figures.seesChanged,
    figures.withheld,
  ]);
  expect(sees.map(({ title }) => title)).toContain('Bare JIDs of sender and recipient');
  expect(withheld.map(({ title }) => title)).toContain('Chat state');
  expect(seesChanged).toContainEqual(
    expect.objectContaining({
      title: 'Delivery receipt',
      how: 'at a time that does not tell when your device answered',
    }),
  );
  const reachable = [...openCatalogue().fields.values()].filter(
    (field) => field.protocol === 'xmpp' && concerns(field, 'gatekeeper'),
  );
  const listed = [...sees, ...seesChanged, ...withheld].length;
  // Without attestations, opting in and media nothing carries the signals of a connection and the fields of HTTP.
  expect(reachable.length - listed).toBe(13);
  expect(sees.map(({ title }) => title)).not.toContain('Address book');
});

test('the page has each list under its headings, and says what no service can hide', async () => {
  const page = pageOf(await reportOn(folder, baseConfiguration()));
  for (const heading of [
    '## In short',
    '## What no service can hide',
    '### When you do it',
    '## What we keep, and how long',
  ])
    expect(page.split('\n')).toContain(heading);
  expect(page).toContain('So it learns whom you write to, when, and roughly how much.');
  expect(page).toContain('| Chat state | typing, attention to one conversation |');
});

test('a policy on trial hides nothing on the page, and its heading says so', async () => {
  const trial = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: house, owner: security@provider.example }
spec: { extends: strict, mode: shadow }
`;
  await folder.write('house.yaml', trial);
  const report = await reportOn(folder, baseConfiguration({ policy: { file: './house.yaml' } }));
  const page = publicReport(report, names);
  expect([page.isEnforced, page.figures.withheld, page.figures.seesChanged]).toEqual([false, 0, 0]);
  expect(pageOf(report)).toContain('on trial and not in force yet');
});

test('nothing of the operator is on the page: no file, host, port, name or reason', async () => {
  const configuration = baseConfiguration({
    ...services,
    signals,
    gatekeepers: [{ ...gatekeeper, ...gatekeeperServices, name: 'internal-name' }],
    domains: [{ domain: 'internal.example', gatekeeper: 'internal-name' }],
    admin: { host: '127.0.0.1', port: 9099 },
    policy: { file: 'strict' },
  });
  const report = await reportOn(folder, configuration);
  const page = publicReport(report, names);
  for (const text of [pageOf(report), renderHtml(publicDocument(page)), JSON.stringify(page)]) {
    expect(text).not.toMatch(
      /\.yaml|internal|https:|provider\.example|gatekeeper\.example|9099|127\.0\.0\.1/,
    );
    expect(text).not.toMatch(/(?:^|[\s"'(])\/[a-z]+\//);
    for (const { audiences } of report.views[0]!.report.rows)
      if (audiences.gatekeeper.why.length > 20) expect(text).not.toContain(audiences.gatekeeper.why);
  }
});
