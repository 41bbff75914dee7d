/** Configurations for tests of reports: a base, with sections that replace its own. */
import { join } from 'node:path';
import { readReportInputs } from '../../src/app/tools/report-inputs.ts';
import {
  configurationReport,
  type ConfigurationReport,
} from '../../src/reports/configuration/configuration.ts';
import { settingSources } from '../../src/reports/configuration/setting.ts';
import type { View } from '../../src/reports/configuration/views.ts';
import type { ExposureReport, FieldCounts } from '../../src/reports/exposure.ts';
import type { TemporaryFolder } from '../support/temporary.ts';

const root = new URL('../../', import.meta.url).pathname;
export const shippedCapabilities = {
  contentKinds: join(root, 'policies/content-kinds.yaml'),
  profiles: join(root, 'policies/capabilities'),
};

/** Every part of the HTTP port. */
export const services = {
  http: { port: 0, publicUrl: 'https://proxy.example' },
  provider: {
    issuer: 'https://id.provider.example',
    jwksUri: 'https://id.provider.example/jwks.json',
    audiences: ['https://gatekeeper.example'],
    push: { url: 'https://push.provider.example/notifications' },
    media: { hosts: ['https://media.provider.example'], keyFiles: ['keys/media'] },
  },
};

export const gatekeeperServices = {
  enlistment: { url: 'https://api.gatekeeper.example/enlistments' },
  push: { certFile: 'push.crt' },
  media: { certFile: 'media.crt', hosts: ['https://media.gatekeeper.example'] },
};

export const signals = { issuer: 'proxy.example', keysFolder: 'keys' };
export const attestation = { audience: 'gatekeeper.example', carriers: { stream: {} } };

export const gatekeeper = {
  name: 'main',
  connect: { address: 'xmpp.gatekeeper.example:5222', tls: 'starttls' },
};

export function baseConfiguration(sections: object = {}): object {
  return {
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [
      { name: 'clients', port: 5222, tls: 'starttls' },
      { name: 'as-declared', port: 5223, tls: 'direct' },
    ],
    certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
    domains: [{ domain: 'chat.example', gatekeeper: 'main' }],
    gatekeepers: [gatekeeper],
    ...sections,
  };
}

/** Writes the configuration one value a line, so that each has a line of its own, and reports about it. */
export async function reportOn(
  folder: TemporaryFolder,
  configuration: object,
  counts?: (view: View) => FieldCounts,
): Promise<ConfigurationReport<ExposureReport>> {
  const file = await folder.write('narthex.yaml', JSON.stringify(configuration, undefined, 2));
  const inputs = await readReportInputs(file);
  return configurationReport({
    file,
    deployment: { config: inputs.config, source: settingSources(inputs.places) },
    documents: inputs,
    catalogue: inputs.catalogue,
    counts,
    now: Date.UTC(2026, 10, 29),
  });
}
