import { keepsUserData, sharedStreamMs } from '../../src/reports/configuration/retention.ts';
import { defaultResumptionLimits } from '../../src/session/stream-management/resumptions.ts';
import { stateKindNames } from '../../src/state/kinds.ts';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishedSchema } from '../../src/config/published-schema.ts';
import type { ConfigurationReport } from '../../src/reports/configuration/configuration.ts';
import { configurationDocument } from '../../src/reports/configuration/document.ts';
import { exposureDocument } from '../../src/reports/document.ts';
import type { Appearance, ExposureReport } from '../../src/reports/exposure.ts';
import { fingerprintReport } from '../../src/reports/fingerprints.ts';
import { renderText } from '../../src/reports/render.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import {
  attestation,
  baseConfiguration,
  gatekeeper,
  gatekeeperServices,
  reportOn,
  services,
  shippedCapabilities,
  signals,
} from './configurations.ts';
import { hasLine, hasPlace } from './sources.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

type Report = ConfigurationReport<ExposureReport>;

function appearance(
  { views }: Report,
  field: string,
  audience: 'gatekeeper' | 'client' | 'provider' = 'gatekeeper',
  view = 0,
): Appearance {
  return views[view]!.report.rows.find((row) => row.field === field)!.audiences[audience];
}

function policyWith(spec: string): string {
  return `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: house, owner: security@provider.example }
spec:
  extends: balanced
${spec}`;
}

const everything = baseConfiguration({
  ...services,
  signals,
  capabilities: shippedCapabilities,
  ledger: { recordsFolder: 'records', keyFile: 'ledger.pem' },
  policy: { file: 'balanced', shadow: 'strict' },
  gatekeepers: [
    { ...gatekeeper, ...gatekeeperServices, clientCertFile: 'c.crt', clientKeyFile: 'c.key', attestation },
    { ...gatekeeper, name: 'other', policy: { file: 'strict' } },
  ],
  domains: [
    { domain: 'chat.example', gatekeeper: 'main' },
    { domain: 'other.example', gatekeeper: 'other' },
  ],
});

describe('views', () => {
  test('are made by gatekeeper, policy and listener, where these differ', async () => {
    const share = [{ file: 'strict', percent: 10 }];
    const configuration = baseConfiguration({ policy: { file: 'balanced', share, shareKeyFile: 'key' } });
    const { views } = await reportOn(folder, configuration);
    expect(views.map(({ percent, listeners, report }) => [report.policy, percent, listeners])).toEqual([
      ['balanced', 90, ['clients', 'as-declared']],
      ['strict', 10, ['clients', 'as-declared']],
    ]);
    const profiled = await reportOn(folder, baseConfiguration({ capabilities: shippedCapabilities }));
    expect(profiled.views.map(({ listeners, profiles }) => [listeners, profiles])).toEqual([
      [['clients'], ['desktop', 'phone', 'text-only']],
      [['as-declared'], ['as-declared', 'desktop', 'phone', 'text-only']],
    ]);
  });

  test('have the exceptions that can hold in them, and no others', async () => {
    await folder.write(
      'house.yaml',
      policyWith(`  exceptions:
    - when: { listener: as-declared }
      audiences: { gatekeeper: { chat-state: keep } }
      why: a trial
      approved-by: board
      expires: 2035-03-31
    - when: { gatekeeper: other }
      audiences: { gatekeeper: { time.idle: keep } }
      why: another gatekeeper
      approved-by: board
      expires: 2035-03-31
    - when: { account-domain: elsewhere.example }
      audiences: { gatekeeper: { presence.status: keep } }
      why: another domain
      approved-by: board
      expires: 2035-03-31
`),
    );
    const { views } = await reportOn(folder, baseConfiguration({ policy: { file: './house.yaml' } }));
    expect(
      views.map(({ listeners, report }) => [listeners, report.exceptions.map(({ why }) => why)]),
    ).toEqual([
      [['clients'], []],
      [['as-declared'], ['a trial']],
    ]);
  });

  test('have the counts of their gatekeeper under their policy', async () => {
    const asked: string[] = [];
    const report = await reportOn(folder, everything, ({ gatekeeper: name, digest }) => {
      asked.push(`${name} ${digest}`);
      const count = name === 'main' ? 3 : 5;
      return {
        provenance: 'a ledger',
        rows: [{ audience: 'gatekeeper', field: 'chat-state', treatment: 'drop', count }],
      };
    });
    expect(appearance(report, 'chat-state').counted).toBe(3);
    expect(appearance(report, 'chat-state', 'gatekeeper', report.views.length - 1).counted).toBe(5);
    expect(new Set(asked)).toEqual(
      new Set(report.views.map((view) => `${view.gatekeeper} ${view.report.digest}`)),
    );
  });
});

describe('capabilities', () => {
  test('appear as the profiles say, whatever the policy says', async () => {
    const report = await reportOn(folder, baseConfiguration({ capabilities: shippedCapabilities }));
    expect(appearance(report, 'caps.hash')).toMatchObject({
      treatment: 'replace',
      words: 'replace by what the profile says: desktop, phone, text-only',
      decidedBy: 'profile',
    });
    expect(appearance(report, 'disco.software-info')).toMatchObject({ treatment: 'drop' });
    expect(appearance(report, 'answer.disco-info')).toMatchObject({ treatment: 'answer' });
    expect(appearance(report, 'caps.hash', 'gatekeeper', 1)).toMatchObject({
      treatment: 'coarsen',
      source: expect.stringContaining('as-declared.yaml:1'),
    });
    expect(appearance(report, 'disco.identity', 'gatekeeper', 1)).toMatchObject({ treatment: 'replace' });
    const without = await reportOn(folder, baseConfiguration());
    expect(appearance(without, 'caps.hash')).toMatchObject({ treatment: 'keep', decidedBy: 'policy' });
  });

  test('contradict a version that the proxy answers where clients show their own', async () => {
    const report = await reportOn(folder, baseConfiguration({ capabilities: shippedCapabilities }));
    const contradictions = report.views.map((view) =>
      fingerprintReport(view.report)
        .contradictions.filter(({ audience }) => audience === 'gatekeeper')
        .map(({ withheld, given }) => `${withheld} ${given}`),
    );
    expect(contradictions[0]).not.toContain('version.iq caps.hash');
    expect(contradictions[1]).toContain('version.iq caps.hash');
    const without = fingerprintReport((await reportOn(folder, baseConfiguration())).views[0]!.report);
    expect(without.contradictions).toContainEqual(
      expect.objectContaining({
        audience: 'gatekeeper',
        withheld: 'version.iq',
        given: 'disco.software-info',
      }),
    );
  });

  test('of a profile hold under a policy in shadow, too', async () => {
    await folder.write('house.yaml', policyWith('  mode: shadow\n'));
    const policy = { file: './house.yaml' };
    const report = await reportOn(folder, baseConfiguration({ policy, capabilities: shippedCapabilities }));
    const remaining = fingerprintReport(report.views[0]!.report).remaining.filter(
      ({ audience }) => audience === 'gatekeeper',
    );
    const fields = remaining.map(({ field }) => field);
    expect(fields).toContain('bind.resource');
    expect(fields).not.toContain('caps.hash');
    expect(fields).not.toContain('conn.tcp-fingerprint');
  });
});

describe('a connection', () => {
  const signalled = ['conn.client-ip', 'conn.tcp-fingerprint', 'conn.tls-fingerprint', 'conn.round-trip'];

  test('shows nothing to a gatekeeper without attestations', async () => {
    for (const sections of [{}, { signals }]) {
      const report = await reportOn(folder, baseConfiguration(sections));
      for (const field of signalled) expect(appearance(report, field).treatment).toBe('absent');
    }
  });

  test('shows what is captured and what the policy leaves, in an attestation', async () => {
    const capture = { syn: false };
    const report = await reportOn(
      folder,
      baseConfiguration({ signals: { ...signals, capture }, gatekeepers: [{ ...gatekeeper, attestation }] }),
    );
    expect(signalled.map((field) => appearance(report, field).treatment)).toEqual([
      'keep',
      'absent',
      'keep',
      'coarsen',
    ]);
    expect(appearance(report, 'conn.client-port').treatment).toBe('absent');
  });

  test('shows the port in a PROXY header only', async () => {
    await folder.write('house.yaml', policyWith('  audiences: { gatekeeper: { conn.client-port: keep } }\n'));
    const shown = async (carriers: object): Promise<string> => {
      const gatekeepers = [
        {
          ...gatekeeper,
          clientCertFile: 'c.crt',
          clientKeyFile: 'c.key',
          attestation: { ...attestation, carriers },
        },
      ];
      const policy = { file: './house.yaml' };
      const report = await reportOn(folder, baseConfiguration({ signals, gatekeepers, policy }));
      return appearance(report, 'conn.client-port').treatment;
    };
    expect(await shown({ stream: {} })).toBe('absent');
    expect(await shown({ proxyProtocol: {} })).toBe('keep');
  });
});

describe('HTTP', () => {
  test('carries only what is configured', async () => {
    const [none, all] = [await reportOn(folder, baseConfiguration()), await reportOn(folder, everything)];
    const asked = [
      ['http.cookie', 'gatekeeper'],
      ['push.recipient', 'provider'],
      ['media.fetch', 'provider'],
      ['media.fetch', 'gatekeeper'],
    ] as const;
    const treatments = (report: Report) =>
      asked.map(([field, audience]) => appearance(report, field, audience).treatment);
    expect(treatments(none)).toEqual(['absent', 'absent', 'absent', 'absent']);
    expect(treatments(all)).toEqual(['drop', 'keep', 'keep', 'keep']);
  });

  test('shows addresses of media where none can be sealed', async () => {
    const [none, all] = [await reportOn(folder, baseConfiguration()), await reportOn(folder, everything)];
    expect(appearance(none, 'content.media-url')).toMatchObject({
      treatment: 'keep',
      decidedBy: 'configuration',
    });
    expect(appearance(all, 'content.media-url')).toMatchObject({
      treatment: 'pseudonymise',
      decidedBy: 'policy',
    });
  });
});

test('what is kept of users is in memory or nowhere, and the ledger has counts only', async () => {
  for (const configuration of [baseConfiguration(), everything]) {
    const { kept } = (await reportOn(folder, configuration)).surroundings;
    expect(kept.filter(({ ofUsers, where }) => ofUsers && where === 'disk')).toEqual([]);
    const onDisk = kept.filter(({ where }) => where === 'disk').map(({ bound }) => bound);
    expect(onDisk).toEqual(configuration === everything ? ['400 days'] : []);
  }
});

test('what replicas share is in the store, sealed and for a bounded time', async () => {
  const state = { keyFiles: ['state.key'], redis: { url: 'rediss://valkey.example' } };
  const { kept } = (await reportOn(folder, { ...everything, state })).surroundings;
  const shared = kept.filter(({ where }) => where === 'store');
  expect(shared.map(({ what, bound }) => `${what}: ${bound}`)).toEqual([
    'accounts, resources and counts of streams that can be resumed: 1 hour after the last write',
    'digests of delivered notifications: 10 minutes',
    'sealed answers to requests for opting in: 2 minutes',
    expect.stringMatching(/^nonces of ownership tokens: as long as the token is valid/),
  ]);
  expect(keepsUserData(kept)).toBe(true);
  expect(sharedStreamMs).toBe(defaultResumptionLimits.resumptionMs);
  // One row for each kind of record, so that a new kind is noticed.
  expect(shared).toHaveLength(stateKindNames.length);
});

test('the shadow policy is compared field by field, for the gatekeepers that it is for', async () => {
  const { shadow } = (await reportOn(folder, everything)).surroundings;
  expect(shadow).toContainEqual({
    gatekeeper: 'main',
    audience: 'gatekeeper',
    field: 'receipt.delivered',
    now: 'equalise after 3s',
    inShadow: 'lower',
  });
  expect(shadow.filter((change) => change.gatekeeper !== 'main' || change.now === change.inShadow)).toEqual(
    [],
  );
});

test('every statement and every row has a source that exists', async () => {
  const report = await reportOn(folder, everything);
  const { connections, capabilities, services: http, timing, kept, operations } = report.surroundings;
  const sources = [connections, capabilities, http, timing, kept, operations].flatMap((all) =>
    all.map(({ source }) => source),
  );
  const rows = report.views.flatMap((view) =>
    view.report.rows.flatMap(({ audiences }) => Object.values(audiences).map(({ source }) => source)),
  );
  const missing = [...new Set([...sources, ...rows])].filter((source) => !sourceExists(source));
  expect(missing).toEqual([]);
  expect(sources.length).toBeGreaterThan(30);
});

function sourceExists(source: string): boolean {
  if (source === 'unlisted' || source === 'catalogue') return true;
  const key = /^default of `([\w.]+)`$/.exec(source)?.[1];
  if (key !== undefined) return hasKey(publishedSchema(), key.split('.'));
  return /^(test|docs)\//.test(source) ? hasPlace(source) : hasLine(source);
}

/** Whether the schema of narthex.yaml has a key, whatever lists it is in. */
function hasKey(schema: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  const { properties, items, anyOf } = schema as {
    properties?: Record<string, unknown>;
    items?: unknown;
    anyOf?: unknown[];
  };
  if (properties?.[key] !== undefined) return hasKey(properties[key], rest);
  return [items, ...(anyOf ?? [])].some((each) => each !== undefined && hasKey(each, [key, ...rest]));
}

test('the line of a setting is the line of its value', async () => {
  const report = await reportOn(folder, everything);
  const lines = readFileSync(report.configuration, 'utf8').split('\n');
  const ledger = report.surroundings.operations.find(({ about }) => about === 'ledger')!;
  expect(lines[Number(ledger.source.split(':').at(-1)) - 1]).toContain('"ledger"');
  const port = report.surroundings.operations.find(({ about }) => about === 'metrics')!;
  expect(port.source).toBe('default of `admin.host`');
});

test('the document has each view, and says which of several is in shadow', async () => {
  await folder.write('house.yaml', policyWith('  mode: shadow\n'));
  const gatekeepers = [gatekeeper, { ...gatekeeper, name: 'other', policy: { file: './house.yaml' } }];
  const domains = [
    { domain: 'chat.example', gatekeeper: 'main' },
    { domain: 'other.example', gatekeeper: 'other' },
  ];
  const report = await reportOn(folder, baseConfiguration({ gatekeepers, domains }));
  const text = renderText(configurationDocument(report, exposureDocument, ['connections', 'kept', 'shadow']));
  expect(text).toContain('!! 1 of 2 views: This policy is in shadow: it withholds nothing.');
  for (const title of [
    'View: main, clients and as-declared',
    'View: other, clients and as-declared',
    'Connections',
  ])
    expect(text.split('\n')).toContain(title);
});
