import { afterEach, beforeEach, expect, test } from 'vitest';
import { elementFromXml } from '../../src/capabilities/element.ts';
import { readDiscoInfo } from '../../src/capabilities/disco-info.ts';
import { dataPolicyForms, writeDataPolicy } from '../../src/reports/data-policy.ts';
import { reportAt, type ConfigurationReport } from '../../src/reports/configuration/configuration.ts';
import type { ExposureReport } from '../../src/reports/exposure.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { baseConfiguration, gatekeeper, reportOn, services } from './configurations.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

type Form = Readonly<Record<string, readonly string[]>>;

/** Writes the forms, and reads them as a client reads an answer to disco#info. */
function read(report: ConfigurationReport<ExposureReport>, terms?: string): Readonly<Record<string, Form>> {
  const xml = `<query xmlns='http://jabber.org/protocol/disco#info'><identity category='gateway' type='xmpp'/>${writeDataPolicy(
    dataPolicyForms(report, { terms }),
  )}</query>`;
  const element = elementFromXml(xml);
  if (element.kind !== 'element') throw new Error(element.code);
  const info = readDiscoInfo(element.element, { language: 'own' });
  if (info.kind !== 'info') throw new Error(info.code);
  return Object.fromEntries(
    info.info.forms.map(({ formType, fields }) => [
      formType,
      Object.fromEntries(fields.map(({ name, values }) => [name, values])),
    ]),
  );
}

const own = 'urn:xmpp:data-policy:0';
const relayed = 'urn:xmpp:data-policy:identity:gateway:xmpp:0';

test('there is a form for the proxy and one for the gatekeeper', async () => {
  const forms = read(await reportOn(folder, baseConfiguration()));
  expect(Object.keys(forms).toSorted()).toEqual([own, relayed]);
  expect(forms[own]).toMatchObject({
    auth_data: ['plain'],
    data_transmission: ['encrypted'],
    data_retention: ['0'],
    data_deletion: ['false'],
    access_policy: ['admins'],
    backup_retention: ['0'],
  });
  expect(forms[relayed]).toMatchObject({ data_retention: ['unknown'] });
});

test('every field has the type and a value that XEP-0504 has for it', async () => {
  const types: Readonly<Record<string, string>> = {
    FORM_TYPE: 'hidden',
    auth_data: 'list-single',
    data_transmission: 'list-single',
    encryption_algorithm: 'text-single',
    data_retention: 'text-single',
    data_deletion: 'boolean',
    tos: 'text-single',
    access_policy: 'list-multi',
    backup_frequency: 'text-single',
    backup_retention: 'text-single',
    extra_info: 'text-multi',
  };
  const forms = dataPolicyForms(await reportOn(folder, baseConfiguration()), {
    terms: 'https://chat.example/terms',
  });
  for (const { fields } of forms) {
    for (const { name, type, values } of fields) {
      expect([name, type]).toEqual([name, types[name]]);
      if (type !== 'text-multi' && type !== 'list-multi') expect(values).toHaveLength(1);
    }
  }
});

test('the values follow the configuration', async () => {
  const byToken = baseConfiguration({
    ...services,
    gatekeepers: [{ ...gatekeeper, channelBinding: 'reauthenticate' }],
  });
  const report = await reportOn(folder, byToken);
  expect(read(report)[own]).toMatchObject({ auth_data: ['restricted'] });
  expect(read(report)[own]!['extra_info']!.join('\n')).toContain(
    'digests of delivered notifications, 10 minutes',
  );
  expect(read(report)[own]).not.toHaveProperty('tos');
  expect(read(report, 'https://chat.example/?a=1&b=<2>')[own]).toMatchObject({
    tos: ['https://chat.example/?a=1&b=<2>'],
  });
  const stored = [{ what: 'messages', ofUsers: true, where: 'disk' as const, bound: '1 day', source: 'x' }];
  const storing = { ...report, surroundings: { ...report.surroundings, kept: stored } };
  expect(read(storing)[own]).toMatchObject({ data_retention: ['unknown'] });
  expect(read(storing)[own]).not.toHaveProperty('backup_retention');
});

test('the gatekeeper receives what the weakest of its policies leaves', async () => {
  const share = [{ file: 'passthrough', percent: 1 }];
  const configuration = baseConfiguration({
    gatekeepers: [
      { ...gatekeeper, policy: { file: 'strict' } },
      { ...gatekeeper, name: 'other', policy: { file: 'strict', share } },
    ],
    domains: [
      { domain: 'chat.example', gatekeeper: 'main' },
      { domain: 'other.example', gatekeeper: 'other' },
    ],
  });
  const report = await reportOn(folder, configuration);
  const withheldAt = (name: string): number =>
    Number(/(\d+) not at all/.exec(read(reportAt(report, name))[relayed]!['extra_info']!.join('\n'))![1]);
  expect(withheldAt('main')).toBeGreaterThan(50);
  expect(withheldAt('other')).toBe(0);
});
