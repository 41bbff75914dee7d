import { describe, expect, it } from 'vitest';
import { mediaProblems } from '../../src/cli/check-media.ts';
import { openPolicy } from '../../src/cli/policy-files.ts';
import { configSchema, type Config } from '../../src/config/schema.ts';

function config(media: object | undefined, gatekeeperMedia: object | undefined): Config {
  return configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', port: 5222, tls: 'starttls' }],
    certificates: [{ certFile: 'a', keyFile: 'b' }],
    domains: [{ domain: 'chat.example', gatekeeper: 'main' }],
    gatekeepers: [
      {
        name: 'main',
        connect: { address: 'xmpp.example:5222', tls: 'starttls' },
        ...(gatekeeperMedia && { media: gatekeeperMedia }),
      },
    ],
    http: { publicUrl: 'https://proxy.example' },
    provider: {
      issuer: 'https://provider.example',
      jwksUri: 'https://provider.example/jwks.json',
      audiences: ['https://gatekeeper.example'],
      ...(media && { media }),
    },
  });
}

const hosts = { hosts: ['https://media.provider.example'] };

describe('check', () => {
  it('warns of a gatekeeper that is shown sealed addresses and can fetch none', () => {
    expect(mediaProblems(config(hosts, undefined), openPolicy('balanced'))).toMatchObject([
      {
        severity: 'warning',
        path: 'gatekeepers[0]',
        message: expect.stringContaining('`main` is shown sealed'),
      },
    ]);
  });

  it('is content with one that can, without media, and with a policy that seals none', () => {
    expect(mediaProblems(config(hosts, {}), openPolicy('balanced'))).toEqual([]);
    expect(mediaProblems(config(undefined, undefined), openPolicy('balanced'))).toEqual([]);
    expect(mediaProblems(config(hosts, undefined), openPolicy('passthrough'))).toEqual([]);
    expect(mediaProblems(config(hosts, undefined), undefined)).toEqual([]);
  });
});
