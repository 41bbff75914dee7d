import { createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { listenerVisibilities } from '../../src/observability/events.ts';
import { attest, type AttestationInput } from '../../src/signals/attestation.ts';
import { catalogueFields, type SignalClaims } from '../../src/signals/claims.ts';
import { unstableExtensions } from '../../src/signals/ja4.ts';
import { absentReasons } from '../../src/signals/evidence.ts';
import { parseJwks, staticKeys } from '../../src/signals/jwks.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
import { signalsElement, signalsNamespace, signalsNonza } from '../../src/signals/nonza.ts';
import {
  attestationTypeDefault,
  packAttestation,
  packingDictionary,
  unpackAttestation,
} from '../../src/signals/packed-attestation.ts';
import { proxyHeader } from '../../src/signals/proxy-protocol-header.ts';
import { ProxyProtocolReader } from '../../src/signals/proxy-protocol.ts';
import { createVerifier, refusals } from '../../src/signals/verify.ts';
import { field, signedHeader } from '../support/proxy-hmac.ts';
import { seededPem } from './key-pair.ts';

/** docs/connection-signals.md against the code. UPDATE_GOLDEN=1 writes the examples anew. */

const path = new URL('../../docs/connection-signals.md', import.meta.url);
const clock = (): number => Date.UTC(2026, 10, 23, 12);
const keys = await SigningKeys.parse([
  { name: 'spring.pem', pem: seededPem(1) },
  { name: 'summer@20270601T000000Z.pem', pem: seededPem(2) },
]);

const signals: SignalClaims = {
  client_ip: { address: '192.0.2.77', observed_by: 'edge', necessity: 'obligation' },
  tcp: {
    p0f: '4:52+12:0:1460:mss*44,10:mss,sok,ts,nop,ws:df,id+:0',
    distance: 12,
    observed_by: 'edge',
    necessity: 'anti-abuse',
  },
  tls: { ja4: 't13d1517h2_8daaf6152771_cb7bf5808d99', observed_by: 'edge', necessity: 'anti-abuse' },
  round_trip: { absent: 'unsupported' },
};

const exporter = { kind: 'tls-exporter', value: Buffer.alloc(32, 0xe0) } as const;
const certificate = { kind: 'certificate', sha256: Buffer.alloc(32, 0xce) } as const;

function make(binding: AttestationInput['binding']): string {
  const input = {
    issuer: 'proxy.example',
    audience: 'gatekeeper.example',
    binding,
    policyDigest: Buffer.alloc(32, 0x90).toString('base64url'),
    signals,
  };
  return attest(input, { keys, clock, random: () => Buffer.alloc(16, 0x1d) });
}

const overTls = make(exporter);
const beforeTls = make(certificate);
const decoded = (part: number): string => Buffer.from(overTls.split('.')[part]!, 'base64url').toString();
const wrap = (text: string): string => text.replaceAll(/.{1,100}/g, '$&\n').trim();

const written = proxyHeader({
  source: { address: '192.0.2.77', port: 40_000 },
  destination: { address: '198.51.100.2', port: 5222 },
  profile: 'standard',
  attestation: packAttestation(beforeTls)!,
});
if (written.kind !== 'header') throw new Error(written.kind);

const examples: Readonly<Record<string, readonly [language: string, text: string]>> = {
  header: ['text', decoded(0)],
  claims: ['json', JSON.stringify(JSON.parse(decoded(1)), undefined, 2)],
  feature: ['xml', `<${signalsElement} xmlns='${signalsNamespace}'/>`],
  nonza: ['xml', signalsNonza(overTls)],
  dictionary: ['text', wrap(packingDictionary.toString('base64'))],
  'proxy-header': ['text', `${wrap(written.header.toString('hex'))}\n\n${wrap(beforeTls)}`],
  http: ['http', `Connection-Signals: ${overTls}`],
  jwks: ['json', JSON.stringify(keys.jwks(), undefined, 2)],
};

function withExamples(page: string): string {
  return page.replaceAll(/<!-- example: ([\w-]+) -->\n(?:\n```\w*\n[^`]*```\n)?/g, (_, name: string) => {
    const [language, text] = examples[name]!;
    return `<!-- example: ${name} -->\n\n\`\`\`${language}\n${text}\n\`\`\`\n`;
  });
}

/** First column of the table under a heading row that starts with this word. */
function column(page: string, heading: string): string[] {
  const [, rows = ''] = new RegExp(`^\\| ${heading} .*\\n\\|[- |]+\\n((?:\\|.*\\n)+)`, 'm').exec(page) ?? [];
  return [...rows.matchAll(/^\| `([\w-]+)`/gm)].map(([, word]) => word!);
}

if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, withExamples(readFileSync(path, 'utf8')));

const page = readFileSync(path, 'utf8');

describe('docs/connection-signals.md', () => {
  it('has every example as the code makes it', () => {
    expect(withExamples(page)).toBe(page);
    for (const name of Object.keys(examples)) expect(page).toContain(`<!-- example: ${name} -->`);
  });

  it('explains every refusal, in the code’s own words', () => {
    expect(column(page, 'code')).toEqual(Object.keys(refusals));
    for (const [code, explanation] of Object.entries(refusals))
      expect(page).toMatch(
        new RegExp(`\\| \`${code}\` +\\| ${explanation.replaceAll(/[.+]/g, '\\$&')} +\\|`),
      );
  });

  it('names the extensions that the stable form of JA4 leaves out, and the type of the attestation’s field', () => {
    const [, list] = /^\| extension +\|.*\n\|[- |]+\n((?:\|.*\n)+)/m.exec(page)!;
    expect([...list!.matchAll(/^\| (\d+), /gm)].map(([, type]) => Number(type))).toEqual([
      ...unstableExtensions,
    ]);
    expect(page).toContain(
      `Field 0x${attestationTypeDefault.toString(16).toUpperCase()} holds the attestation`,
    );
    const { data } = configSchema.shape.gatekeepers.element.in.shape.attestation.safeParse({
      audience: 'a',
      carriers: { proxyProtocol: {} },
    });
    expect(data!.carriers.proxyProtocol!.attestationType).toBe(attestationTypeDefault);
  });

  it('has every reason, signal and claim', () => {
    expect(column(page, 'word')).toEqual([...absentReasons]);
    expect(column(page, 'member')).toEqual(Object.keys(catalogueFields));
    for (const field of Object.values(catalogueFields)) expect(page).toContain(`\`${field}\``);
    expect(column(page, 'claim')).toEqual(Object.keys(JSON.parse(decoded(1)) as object));
    expect(column(page, 'profile')).toEqual(['none', 'standard', 'full']);
  });

  it('has examples that a gatekeeper would accept', async () => {
    const [jws] = /Connection-Signals: (\S+)/.exec(page)!.slice(1);
    const [jwks] = /<!-- example: jwks -->\n\n```json\n([^`]+)```/.exec(page)!.slice(1);
    const [hex] = /<!-- example: proxy-header -->\n\n```text\n([0-9a-f\n]+)/.exec(page)!.slice(1);
    const progress = new ProxyProtocolReader().push(Buffer.from(hex!.replaceAll('\n', ''), 'hex'));
    const packed =
      progress.kind === 'header'
        ? progress.header.fields.others.get(attestationTypeDefault)!
        : Buffer.alloc(0);
    const verifier = createVerifier({
      keys: staticKeys(parseJwks(JSON.parse(jwks!))!),
      audience: 'gatekeeper.example',
      issuer: 'proxy.example',
      clock,
    });
    expect(await verifier.verify(jws, exporter)).toMatchObject({ kind: 'accepted', bindingChecked: true });
    // The two examples share their jti, so the second one needs a verifier without memory of the first.
    const other = createVerifier({
      keys: staticKeys(parseJwks(JSON.parse(jwks!))!),
      audience: 'gatekeeper.example',
      issuer: 'proxy.example',
      clock,
    });
    expect(await other.verify(unpackAttestation(packed), certificate)).toMatchObject({ kind: 'accepted' });
  });
});

/** The page's own secret. */
const balancerSecret = 'narthex-balancer-example-secret!';
const operatorsPath = new URL('behind-a-balancer.md', path);
const signedExample = signedHeader({
  key: balancerSecret,
  before: [field(0xe2, 't13d1517h2_8daaf6152771_cb7bf5808d99')],
});
const withSignedExample = (text: string): string =>
  text.replace(
    /<!-- example: authenticated-header -->\n\n```text\n[^`]*```\n/,
    `<!-- example: authenticated-header -->\n\n\`\`\`text\n${wrap(signedExample.toString('hex'))}\n\`\`\`\n`,
  );
if (process.env['UPDATE_GOLDEN'] === '1')
  writeFileSync(operatorsPath, withSignedExample(readFileSync(operatorsPath, 'utf8')));

describe('docs/behind-a-balancer.md', () => {
  it('has an example of an authenticated header that the proxy believes', () => {
    const operators = readFileSync(operatorsPath, 'utf8');
    expect(withSignedExample(operators)).toBe(operators);
    expect(operators).toContain(`\`${balancerSecret}\``);
    const keys = (): KeyObject[] => [createSecretKey(Buffer.from(balancerSecret))];
    const progress = new ProxyProtocolReader({ authentication: { type: 0xed, keys } }).push(signedExample);
    expect(progress).toMatchObject({
      kind: 'header',
      header: { ignoredFields: 0, fields: { others: new Map([[0xe2, expect.anything()]]) } },
    });
  });

  it('explains every word that the log has for a listener', () => {
    const operators = readFileSync(new URL('behind-a-balancer.md', path), 'utf8');
    expect(column(operators, '`syn`')).toEqual([...listenerVisibilities]);
  });
});
