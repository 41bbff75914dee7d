/** What the log and the metrics say of what runs: version, documents, and when certificates and keys end. */
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAuthority, dayMs } from '../support/certificates.ts';
import { serveProcess } from '../support/serve-process.ts';
import { eventually } from '../support/wait.ts';
import { narthex, root } from '../cli/narthex.ts';

const ed25519 = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const house = (receipts: string): string => `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: house, owner: security@provider.example }
spec:
  extends: balanced
  audiences:
    gatekeeper:
      receipt.read: ${receipts}
`;

it('proxy.started and policy.loaded say version and digests, as `policy check --digests` prints them', async () => {
  const proxy = await serveProcess({
    config: { policy: { file: 'house.yaml', shadow: 'strict' } },
    files: { 'house.yaml': house('drop') },
  });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const file = join(proxy.folder, 'house.yaml');
  const digests = async (): Promise<Record<string, string>> => {
    const { stdout } = await narthex(['policy', 'check', file, 'strict', '--digests']);
    const rows = stdout.matchAll(/^digest (\S{43}) {2}(\S+)$/gm);
    return Object.fromEntries([...rows].map(([, digest, document]) => [document!, digest!]));
  };
  const printed = await digests();
  expect(Object.keys(printed)).toEqual(['catalogue', file, 'strict']);
  const documents = {
    policyDigest: printed[file],
    shadowDigest: printed['strict'],
    catalogueDigest: printed['catalogue'],
  };
  const lines = (event: string) => proxy.log.filter((line) => line['event'] === event);
  expect(lines('proxy.started')).toMatchObject([{ version, ...documents }]);
  expect(lines('policy.loaded')).toMatchObject([{ version, policy: 'house', ...documents }]);

  await writeFile(file, house('keep'));
  await eventually(() => lines('policy.loaded').length === 2);
  const changed = await digests();
  expect(changed[file]).not.toBe(printed[file]);
  expect(lines('policy.loaded')[1]).toMatchObject({ ...documents, policyDigest: changed[file] });
  const policy = (await (await fetch(`http://127.0.0.1:${proxy.adminPort}/api/policy`)).json()) as object;
  expect(policy).toMatchObject({ digest: changed[file] });
  expect(await proxy.stop()).toBe(0);
});

/** The digest as docs/log-events.md describes it. */
function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    hash.update(Buffer.from(`${text.length}:${text}`));
  }
  return hash.digest('base64url');
}

it('a digest is what the page says, of policies with what they extend and of capability profiles', async () => {
  const profiles = readdirSync(join(root, 'policies/capabilities')).toSorted();
  const proxy = await serveProcess({
    config: {
      policy: { file: 'balanced' },
      capabilities: {
        profiles: join(root, 'policies/capabilities'),
        contentKinds: join(root, 'policies/content-kinds.yaml'),
      },
    },
  });
  expect(proxy.log.find(({ event }) => event === 'proxy.started')).toMatchObject({
    policyDigest: digestOf(['policies/balanced.yaml', 'policies/passthrough.yaml']),
    profilesDigest: digestOf([
      'policies/content-kinds.yaml',
      ...profiles.map((name) => `policies/capabilities/${name}`),
    ]),
  });
  expect(await proxy.stop()).toBe(0);
});

it('the ends of certificates and the starts of signing keys are metrics', async () => {
  const authority = createAuthority();
  const start = Math.floor(Date.now() / 1_000) * 1_000;
  const at = (days: number): Date => new Date(start + days * dayMs);
  const shown = authority.issue({ dns: ['chat.example'], notAfter: at(20) });
  const client = authority.issue({ dns: ['proxy.example'], usage: 'client', notAfter: at(40) });
  const next = at(5)
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '');
  const proxy = await serveProcess({
    config: {
      certificates: [
        { certFile: 'tls.crt', keyFile: 'tls.key' },
        { certFile: 'shown.crt', keyFile: 'shown.key' },
      ],
      signals: { issuer: 'proxy.example', keysFolder: '.' },
    },
    gatekeeper: {
      clientCertFile: 'client.crt',
      clientKeyFile: 'client.key',
      attestation: { audience: 'gatekeeper.example', carriers: { stream: {} } },
    },
    files: {
      'shown.crt': shown.cert,
      'shown.key': shown.key,
      'client.crt': client.cert,
      'client.key': client.key,
      'spring@20260101T000000Z.pem': ed25519(),
      [`summer@${next}.pem`]: ed25519(),
    },
  });
  const sample = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  };
  const end = (use: string, certificate: string): Promise<number> =>
    sample(`narthex_certificate_not_after_seconds{use="${use}",certificate="${certificate}"}`);
  const seconds = (date: Date): number => date.getTime() / 1_000;
  expect(await end('listener', '0')).toBe(seconds(new X509Certificate(proxy.pair.cert).validToDate));
  expect(await end('listener', '1')).toBe(seconds(at(20)));
  expect(await end('gatekeeper', 'test')).toBe(seconds(at(40)));
  expect(await sample('narthex_signing_key_start_seconds')).toBe(Date.UTC(2026, 0, 1) / 1_000);
  expect(await sample('narthex_signing_key_next_start_seconds')).toBe(seconds(at(5)));

  // A renewed certificate is counted at once.
  const renewed = authority.issue({ dns: ['chat.example'], notAfter: at(90) });
  await writeFile(join(proxy.folder, 'shown.crt'), renewed.cert);
  await writeFile(join(proxy.folder, 'shown.key'), renewed.key);
  await eventually(() => proxy.log.some(({ event }) => event === 'certificates.loaded'));
  expect(await end('listener', '1')).toBe(seconds(at(90)));
  expect(await proxy.stop()).toBe(0);
});
