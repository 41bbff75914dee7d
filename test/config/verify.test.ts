import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { type Verification, verifyFiles } from '../../src/config/verify.ts';
import { issue, lockedKey } from './certificate.ts';
import { folderWith, minimal } from './folder.ts';

const now = Date.now();

async function verify(files: Record<string, string>, text = minimal): Promise<Verification> {
  const folder = await folderWith({ ...files, 'narthex.yaml': text });
  return verifyFiles(await loadConfig({ folder, environment: {} }), now);
}

const codes = ({ problems }: Verification): string[] => problems.map(({ code, path }) => `${code} ${path}`);

const good = issue(['chat.example']);
const other = issue(['other.example']);

describe('verifyFiles', () => {
  it('finds nothing wrong with a matching pair', async () => {
    const verified = await verify({ 'tls.crt': good.cert, 'tls.key': good.key });
    expect(verified.problems).toEqual([]);
    expect(verified.certificates[0]).toMatchObject({ names: 'DNS:chat.example', domains: ['chat.example'] });
  });

  it.each<[string, Record<string, string>, string[]]>([
    [
      'the key of another certificate',
      { 'tls.crt': good.cert, 'tls.key': other.key },
      ['ERR_CONFIG_KEY_MISMATCH certificates[0].keyFile'],
    ],
    [
      'a key with a passphrase',
      { 'tls.crt': good.cert, 'tls.key': lockedKey() },
      ['ERR_CONFIG_KEY certificates[0].keyFile'],
    ],
    [
      'a certificate for a key',
      { 'tls.crt': good.cert, 'tls.key': good.cert },
      ['ERR_CONFIG_KEY certificates[0].keyFile'],
    ],
    [
      'a key for a certificate',
      { 'tls.crt': good.key, 'tls.key': good.key },
      ['ERR_CONFIG_CERTIFICATE certificates[0].certFile', 'ERR_CONFIG_CERTIFICATE_DOMAIN domains[0].domain'],
    ],
    [
      'a torn certificate',
      { 'tls.crt': good.cert.replace(/\n.{20}/, '\n'), 'tls.key': good.key },
      ['ERR_CONFIG_CERTIFICATE certificates[0].certFile', 'ERR_CONFIG_CERTIFICATE_DOMAIN domains[0].domain'],
    ],
    [
      'a certificate for another domain',
      { 'tls.crt': other.cert, 'tls.key': other.key },
      ['ERR_CONFIG_CERTIFICATE_DOMAIN domains[0].domain'],
    ],
  ])('reports %s', async (_, files, expected) => expect(codes(await verify(files))).toEqual(expected));

  it.each([
    ['expired', { from: now - 2_000_000, to: now - 1_000_000 }],
    ['not valid yet', { from: now + 1_000_000, to: now + 2_000_000 }],
  ])('reports a certificate that is %s', async (_, dates) => {
    const { cert, key } = issue(['chat.example'], dates);
    expect(codes(await verify({ 'tls.crt': cert, 'tls.key': key }))).toEqual([
      'ERR_CONFIG_CERTIFICATE_DATES certificates[0].certFile',
    ]);
  });

  it('takes a wildcard for the domains below it', async () => {
    const { cert, key } = issue(['*.chat.example']);
    const text = minimal.replace('chat.example', 'rooms.chat.example');
    expect((await verify({ 'tls.crt': cert, 'tls.key': key }, text)).problems).toEqual([]);
  });

  it('does not present a certificate beyond the domains listed for it', async () => {
    const text = minimal.replace('keyFile: tls.key', 'keyFile: tls.key\n    domains: [else.example]');
    const verified = await verify({ 'tls.crt': good.cert, 'tls.key': good.key }, text);
    expect(verified.problems.map(({ code, severity }) => [code, severity])).toEqual([
      ['ERR_CONFIG_CERTIFICATE_DOMAIN', 'warning'],
    ]);
  });

  it('verifies the files for connections to a gatekeeper', async () => {
    const text = `${minimal}    caFile: tls.key\n    clientCertFile: tls.crt\n    clientKeyFile: other.key\n`;
    const verified = await verify(
      { 'tls.crt': good.cert, 'tls.key': good.key, 'other.key': other.key },
      text,
    );
    expect(codes(verified)).toEqual([
      'ERR_CONFIG_CERTIFICATE gatekeepers[0].caFile',
      'ERR_CONFIG_KEY_MISMATCH gatekeepers[0].clientKeyFile',
    ]);
  });

  it('quotes nothing of a key', async () => {
    const secret = 'AAAAsecretAAAA';
    const verified = await verify({
      'tls.crt': good.cert,
      'tls.key': `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`,
    });
    expect(verified.problems).toHaveLength(1);
    expect(JSON.stringify(verified)).not.toContain(secret);
  });
});
