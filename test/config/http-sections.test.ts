import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problem.ts';
import { reservedSegments } from '../../src/config/sections/provider.ts';
import { httpRoutes } from '../../src/observability/http-words.ts';
import { folderWith, minimal } from './folder.ts';

const http = 'http: { publicUrl: https://proxy.example }\n';
const provider = `provider:
  issuer: https://id.provider.example
  jwksUri: https://id.provider.example/jwks
  audiences: [https://gatekeeper.example]
`;

const gatekeeperWith = (section: string): string => `${minimal}    ${section}\n`;

async function load(text: string): Promise<{ readonly loaded: LoadedConfig; readonly folder: string }> {
  const folder = await folderWith({
    'tls.crt': 'x',
    'tls.key': 'x',
    'push.crt': 'x',
    'narthex.yaml': text,
  });
  return { loaded: await loadConfig({ folder, environment: {} }), folder };
}

async function problems(text: string): Promise<string[]> {
  try {
    await load(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem);
    throw error;
  }
  return expect.fail('the configuration was accepted');
}

describe('references to media', () => {
  const media = (references: string, more = 'keyFiles: [tls.key], '): string =>
    `${http}${provider}  media: { hosts: [https://m.example], ${more}references: ${references} }\n`;
  const caller = '{ bearerTokenFiles: [tls.key] }';
  const fetching = gatekeeperWith('media: {}');

  it('have a path, a lifetime of 35 days, and a provider that is known', async () => {
    const { config } = (await load(fetching + media(caller))).loaded;
    expect(config.provider!.media!.references).toMatchObject({
      path: '/media/references',
      lifetimeMs: 35 * 86_400_000,
    });
    for (const path of ['/media/references', '/files', '/wire/v1/files-2'])
      await load(fetching + media(`{ certFile: push.crt, path: ${path} }`));
  });

  it.each<[string, string, RegExp]>([
    ['a caller', fetching + media('{}'), /^narthex\.yaml:\d+:\d+: error ERR_CONFIG_MISSING: `provider\.media\.references` needs `certFile` or `bearerTokenFiles`/],
    ['a secret that outlives the process', fetching + media(caller, ''), /`provider\.media\.references` needs `provider\.media\.keyFiles`/],
    ['a gatekeeper that fetches', minimal + media(caller), /`provider\.media\.references` needs a gatekeeper with a section `media`/],
    ['a port', `${minimal}${media(caller).replace(http, '')}`, /`provider\.media\.references` needs a section `http`/],
    ['files that are there', fetching + media('{ bearerTokenFiles: [nowhere] }'), /ERR_CONFIG_FILE: `provider\.media\.references\.bearerTokenFiles\[0\]`/],
  ])('need %s', async (_, text, line) => {
    expect(await problems(text)).toContainEqual(expect.stringMatching(line));
  }); // prettier-ignore

  it.each(['files', '/', '/files/', '/a//b', '/media', '/media/other', '/push/a', '/enlistments', '/.well-known/a', '/a/..', '/a/:b', '/a/*', '/a%2Fb'])(
    'are not below %s',
    async (path) => {
      expect(await problems(fetching + media(`{ certFile: push.crt, path: "${path}" }`))).toEqual([
        expect.stringMatching(/error ERR_CONFIG_VALUE: `provider\.media\.references\.path` .*a path such as \/files/),
      ]);
    },
  ); // prettier-ignore

  it('are not below a route of the port', () => {
    const segments = httpRoutes.filter((route) => route !== '*').map((route) => route.split('/')[1]);
    expect(new Set(segments)).toEqual(new Set(reservedSegments));
  });
});

describe('several replicas', () => {
  const media = '  media: { hosts: [https://media.example] }\n';
  const served = `${minimal}${http}${provider}${media}`;

  it('may not each have a key of its own', async () => {
    const found = await problems(`${served}replicas: 3\n`);
    expect(found).toHaveLength(2);
    expect(found.map((line) => line.split(' ')[0])).toEqual(['narthex.yaml:1:1:', 'narthex.yaml:23:10:']);
    expect(found[1]).toContain('ERR_CONFIG_EPHEMERAL_KEY: 3 replicas would seal addresses of media');
    expect(found[0]).toContain(
      'ERR_CONFIG_EPHEMERAL_KEY: 3 replicas would make pseudonyms, each with a key of its own: `policy.keyFiles` is empty',
    );
  });

  it('share secrets, and one needs none', async () => {
    const shared = served.replace('example] }', 'example], keyFiles: [tls.key] }');
    const { config } = (await load(`${shared}policy: { keyFiles: [tls.key] }\nreplicas: 3\n`)).loaded;
    expect(config.replicas).toBe(3);
    expect((await load(served)).loaded.config.replicas).toBe(1);
    expect(
      (await load(`${minimal}policy: { keyFiles: [tls.key] }\nreplicas: 2\n`)).loaded.config.replicas,
    ).toBe(2);
  });
});

describe('the HTTP plane in narthex.yaml', () => {
  it('is off by default', async () => {
    const { config } = (await load(minimal)).loaded;
    expect([config.http, config.provider, config.gatekeepers[0]!.enlistment]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('gets its defaults, and paths that start at the folder of the file', async () => {
    const push = '  push: { url: https://push.provider.example/ }\n';
    const { loaded, folder } = await load(
      `${gatekeeperWith('push: { certFile: push.crt }')}${http}${provider}${push}`,
    );
    const { config } = loaded;
    expect(config.http).toMatchObject({ host: '::', port: 8443, publicUrl: 'https://proxy.example' });
    expect(config.provider).toMatchObject({
      algorithms: ['ES256', 'EdDSA'],
      nonce: 'required',
      claims: { allowed: [], unlisted: 'flag' },
    });
    expect(config.gatekeepers[0]!.push!.certFile).toBe(join(folder, 'push.crt'));
  });

  it.each<[string, string, RegExp]>([
    ['http', gatekeeperWith('enlistment: { url: https://api.example/e }') + provider, /ERR_CONFIG_MISSING: `gatekeepers\[0\]\.enlistment` needs a section `http`, which is missing/],
    ['provider', gatekeeperWith('enlistment: { url: https://api.example/e }') + http, /`gatekeepers\[0\]\.enlistment` needs a section `provider`/],
    ['provider.push', gatekeeperWith('push: { certFile: push.crt }') + http + provider, /`gatekeepers\[0\]\.push` needs a section `provider\.push`/],
    ['provider.media', gatekeeperWith('media: {}') + http + provider, /`gatekeepers\[0\]\.media` needs a section `provider\.media`/],
    ['an authentication of push callers', `${gatekeeperWith('push: {}')}${http}${provider}  push: { url: https://p.example/ }\n`, /push` needs `certFile`, or `issuer` with `jwksUri` or `jwksFile`, which is missing/],
    ['both halves of a token issuer', `${gatekeeperWith('push: { issuer: gk }')}${http}${provider}  push: { url: https://p.example/ }\n`, /push` needs `issuer` with `jwksUri` or `jwksFile`, one of/],
    ['both halves of a client certificate', `${minimal}${http}${provider}  clientCertFile: tls.crt\n`, /`clientKeyFile` is missing in `provider`/],
    ['authorities that are there', gatekeeperWith('media: { caFile: nowhere.crt }') + http + `${provider}  media: { hosts: [https://m.example] }\n`, /ERR_CONFIG_FILE: `gatekeepers\[0\]\.media\.caFile`/],
    ['a file that is there', gatekeeperWith('media: { certFile: nowhere.crt }') + http + `${provider}  media: { hosts: [https://m.example] }\n`, /ERR_CONFIG_FILE: `gatekeepers\[0\]\.media\.certFile`/],
  ])('needs %s', async (_, text, line) => {
    expect(await problems(text)).toEqual([expect.stringMatching(line)]);
  }); // prettier-ignore

  it.each<[string, string]>([
    ['clear text', 'http: { publicUrl: http://proxy.example }'],
    ['a password in a URL', 'http: { publicUrl: "https://a:b@proxy.example" }'],
    ['a query in a URL', 'http: { publicUrl: "https://proxy.example/?a" }'],
    ['an origin with a wildcard', "http: { publicUrl: https://proxy.example, websocket: { origins: ['https://*.example'] } }"],
    ['a WebSocket in the clear', 'http: { publicUrl: https://proxy.example, websocketUrl: ws://proxy.example/ }'],
    ['a port that is taken', 'http: { publicUrl: https://proxy.example, port: 5222 }'],
    ['a symmetric algorithm', `${provider}  algorithms: [HS256]`],
    ['no signature at all', `${provider}  algorithms: [none]`],
    ['a media host with a path', `${provider}  media: { hosts: [https://m.example/store] }`],
    ['a media host in clear text', `${provider}  media: { hosts: [http://m.example] }`],
    ['every host', `${provider}  media: { hosts: ["https://*"] }`],
    ['half an address range', `${provider}  media: { hosts: [https://m.example], allowAddresses: [10.0.0.0] }`],
    ['an address range beyond its end', `${provider}  media: { hosts: [https://m.example], allowAddresses: [10.0.0.0/33] }`],
  ])('refuses %s', async (_, text) => {
    expect((await problems(`${minimal}${text}\n`))[0]).toMatch(/error ERR_CONFIG_(VALUE|PORT_CLASH)/);
  }); // prettier-ignore
});
