import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { verifyFiles } from '../../src/config/verify.ts';
import { issue } from './certificate.ts';
import { folderWith, minimal } from './folder.ts';

const now = Date.now();
const good = issue(['chat.example']);
const old = issue(['push.example'], { from: now - 2_000_000, to: now - 1_000_000 });
const text = `${minimal}    push: { certFile: pin.crt }
http: { publicUrl: https://chat.example }
provider:
  issuer: https://id.example
  jwksUri: https://id.example/jwks
  audiences: [a]
  caFile: ca.crt
  push: { url: https://push.example/ }
  media: { hosts: [https://media.example], keyFiles: [secret] }
`;
const files = {
  'tls.crt': good.cert,
  'tls.key': good.key,
  'ca.crt': good.cert,
  'pin.crt': good.cert,
  secret: 's'.repeat(32),
};

async function problems(changed: Record<string, string>, document = text): Promise<string[]> {
  const folder = await folderWith({ ...files, ...changed, 'narthex.yaml': document });
  const { problems: found } = await verifyFiles(await loadConfig({ folder, environment: {} }), now);
  return found.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
}

describe('the files of the HTTP plane', () => {
  it('are fine', async () => {
    expect(await problems({})).toEqual([]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['authorities that are none', { 'ca.crt': 'x' }, 'error ERR_CONFIG_CERTIFICATE provider.caFile'],
    ['a pinned certificate that expired', { 'pin.crt': old.cert }, 'error ERR_CONFIG_CERTIFICATE_DATES gatekeepers[0].push.certFile'],
    ['a secret that is too short', { secret: 'short' }, 'error ERR_CONFIG_SECRET provider.media.keyFiles[0]'],
  ])('report %s', async (_, changed, line) => {
    expect(await problems(changed)).toEqual([line]);
  }); // prettier-ignore

  it.each<[string, string, number, string[]]>([
    ['that is short', 'a'.repeat(31), 0o600, ['error ERR_CONFIG_SECRET']],
    ['with a space in it', `${'a'.repeat(20)} ${'b'.repeat(20)}`, 0o600, ['error ERR_CONFIG_SECRET']],
    ['open to every user', `${'a'.repeat(32)}\n`, 0o644, ['error ERR_CONFIG_SECRET']],
    ['that is neither', `${'a'.repeat(32)}\n`, 0o600, []],
  ])('report a bearer token of the provider %s', async (_, token, mode, expected) => {
    const references = 'keyFiles: [secret], references: { bearerTokenFiles: [bearer] } }';
    const document = text
      .replace('keyFiles: [secret] }', references)
      .replace('push: { certFile: pin.crt }', 'push: { certFile: pin.crt }\n    media: {}');
    const folder = await folderWith({ ...files, bearer: token, 'narthex.yaml': document });
    await chmod(join(folder, 'bearer'), mode);
    const found = (await verifyFiles(await loadConfig({ folder, environment: {} }), now)).problems;
    expect(found.map(({ severity, code, path }) => `${severity} ${code} ${path}`)).toEqual(
      expected.map((line) => `${line} provider.media.references.bearerTokenFiles[0]`),
    );
  });

  it.each([
    ['of a listener', 'listeners[0]', text.replace('tls: starttls\n', 'tls: starttls\n    BALANCERS\n')],
    ['of the public port', 'http', text.replace('example }\nprovider', 'example, BALANCERS }\nprovider')],
  ])(
    'report a secret shared with balancers that is short or open to every user, %s',
    async (_, at, document) => {
      const balancers =
        'proxyProtocol: { trusted: [10.0.0.0/8], authentication: { keyFiles: [secret, shared] } }';
      const folder = await folderWith({
        ...files,
        shared: 's'.repeat(31),
        'narthex.yaml': document.replace('BALANCERS', balancers),
      });
      await chmod(join(folder, 'secret'), 0o644);
      const { problems: found } = await verifyFiles(await loadConfig({ folder, environment: {} }), now);
      const path = `${at}.proxyProtocol.authentication.keyFiles`;
      expect(
        found.map(({ code, path: place, message }) => [code, place, message.replace(folder, '')]),
      ).toEqual([
        ['ERR_CONFIG_SECRET', `${path}[0]`, '/secret holds a secret that every user of the machine may open'],
        ['ERR_CONFIG_SECRET', `${path}[1]`, '/shared has 31 bytes; a secret has 32 at least'],
      ]);
      await chmod(join(folder, 'secret'), 0o640);
      await writeFile(join(folder, 'shared'), 's'.repeat(32));
      expect((await verifyFiles(await loadConfig({ folder, environment: {} }), now)).problems).toEqual([]);
    },
  );

  it('warn of a public URL that no certificate is for', async () => {
    expect(await problems({}, text.replace('https://chat.example', 'https://proxy.example'))).toEqual([
      'warning ERR_CONFIG_CERTIFICATE_DOMAIN http.publicUrl',
    ]);
  });

  it('report a key of the port that is another one, once', async () => {
    const own = text.replace(
      'https://chat.example }',
      'https://chat.example, certificates: [{ certFile: tls.crt, keyFile: other.key }] }',
    );
    expect(await problems({ 'other.key': old.key }, own)).toEqual([
      'error ERR_CONFIG_KEY_MISMATCH http.certificates[0].keyFile',
    ]);
  });
});
