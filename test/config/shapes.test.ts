import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problem.ts';
import { folderWith } from './folder.ts';

const gatekeeper = (protocol: 'xmpp' | 'chat-channel', lines: readonly string[], name = 'main'): string =>
  [
    `  - name: ${name}`,
    `    protocol: ${protocol}`,
    ...(protocol === 'xmpp'
      ? ["    connect: { address: 'chat.internal:5222', tls: direct }"]
      : [
          "    connect: { address: 'chat.internal:5222' }",
          '    chat:',
          `      rootKey: ${'ab'.repeat(32)}`,
          '      accountSecretFiles: [secret]',
          '      integrator: 7',
          '      platform: 1',
          '      appVersion: [2, 3000]',
        ]),
    ...lines.map((line) => `    ${line}`),
  ].join('\n');

const around = (...gatekeepers: readonly string[]): string => `apiVersion: narthex/v1
kind: Proxy
listeners: [{ name: clients, port: 5222, tls: starttls }]
certificates: [{ certFile: tls.crt, keyFile: tls.key }]
domains: [{ domain: chat.example, gatekeeper: main }]
http: { publicUrl: https://proxy.example }
provider:
  issuer: https://provider.example
  jwksUri: https://provider.example/jwks
  audiences: [chat]
  push: { url: https://provider.example/push }
gatekeepers:
${gatekeepers.join('\n')}
`;

async function load(text: string) {
  const folder = await folderWith({
    'tls.crt': 'x',
    'tls.key': 'x',
    'push.crt': 'x',
    'keys.json': '{}',
    secret: 'a'.repeat(32),
    'narthex.yaml': text,
  });
  return loadConfig({ folder, environment: {} });
}

async function problems(text: string): Promise<string[]> {
  const error: unknown = await load(text).then(
    () => expect.fail('the configuration was accepted'),
    (refused: unknown) => refused,
  );
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map((problem) => `${formatProblem(problem)} ${problem.remedy}`);
}

const enlistment = 'enlistment: { url: https://api.example/reg';
const push = 'push: { issuer: gk, jwksUri: https://api.example/jwks';

describe('the shapes of enlistment and push', () => {
  it.each<[protocol: 'xmpp' | 'chat-channel', lines: readonly string[]]>([
    ['xmpp', [`${enlistment}, answerMembers: [status] }`, `${push}, algorithms: [ES256] }`]],
    ['xmpp', ['push: { certFile: push.crt }']],
    ['xmpp', ['push: { issuer: gk, jwksFile: keys.json }']],
    ['chat-channel', [`${enlistment}, versionField: v }`, `${push} }`]],
    ['chat-channel', [`${push}, algorithms: [RS256], audience: us, lifetimeMs: 60000, tokenUse: many }`]],
    ['chat-channel', ['push: { certFile: push.crt, issuer: gk, jwksFile: keys.json }']],
  ])('of %s go with %j', async (protocol, lines) => {
    const { config } = await load(around(gatekeeper(protocol, lines)));
    expect(config.gatekeepers[0]!.protocol).toBe(protocol);
  });

  it.each<[protocol: 'xmpp' | 'chat-channel', line: string, problem: RegExp]>([
    ['chat-channel', `${enlistment}, answerMembers: [status] }`, /:2[0-9]:\d+: error ERR_CONFIG_VALUE: `gatekeepers\[0\]\.enlistment\.answerMembers` does not go with `protocol: chat-channel` Remove the key/],
    ['chat-channel', `${push}, algorithms: [ES256] }`, /:2[0-9]:\d+: error ERR_CONFIG_VALUE: `gatekeepers\[0\]\.push\.algorithms` does not go with/],
    ['chat-channel', `${push}, algorithms: [RS256, ES256] }`, /push\.algorithms` does not go with/],
    ['chat-channel', 'push: { certFile: push.crt }', /ERR_CONFIG_MISSING: `gatekeepers\[0\]\.push` needs `issuer` with `jwksUri` or `jwksFile`, which is missing/],
    ['chat-channel', 'push: { issuer: gk }', /ERR_CONFIG_MISSING: `gatekeepers\[0\]\.push` needs `issuer` with `jwksUri` or `jwksFile`, one of, which is missing/],
    ['chat-channel', `${push}, jwksFile: keys.json }`, /ERR_CONFIG_VALUE: `gatekeepers\[0\]\.push\.jwksFile` and `jwksUri` are two sources/],
    ['chat-channel', `${enlistment}, versionField: token }`, /ERR_CONFIG_VALUE.*versionField.*a field of its own/],
    ['chat-channel', `${enlistment}, versionField: e_regid }`, /ERR_CONFIG_VALUE.*versionField.*a field of its own/],
    ['xmpp', `${enlistment}, versionField: version }`, /enlistment\.versionField` does not go with `protocol: xmpp`/],
    ['xmpp', `${push}, audience: us }`, /push\.audience` does not go with `protocol: xmpp`/],
    ['xmpp', `${push}, lifetimeMs: 60000 }`, /push\.lifetimeMs` does not go with `protocol: xmpp`/],
    ['xmpp', `${push}, tokenUse: single }`, /push\.tokenUse` does not go with `protocol: xmpp`/],
    ['xmpp', 'push: {}', /push` needs `certFile`, or `issuer` with `jwksUri` or `jwksFile`, which is missing/],
    ['xmpp', 'push: { jwksFile: keys.json }', /push` needs `issuer` with `jwksUri` or `jwksFile`, one of/],
  ])('of %s do not go with %s', async (protocol, line, problem) => {
    expect(await problems(around(gatekeeper(protocol, [line])))).toEqual([expect.stringMatching(problem)]);
  }); // prettier-ignore

  it('need an issuer of its own for each gatekeeper that pushes to the published address', async () => {
    const two = around(
      gatekeeper('chat-channel', [`${push} }`]),
      gatekeeper('chat-channel', [`${push} }`], 'second'),
    );
    expect(await problems(two)).toEqual([
      expect.stringMatching(
        /ERR_CONFIG_DUPLICATE: `gatekeepers\[1\]\.push\.issuer` is already that of `gatekeepers\[0\]`/,
      ),
    ]);
    const mixed = around(
      gatekeeper('chat-channel', [`${push} }`]),
      gatekeeper('xmpp', [`${push} }`], 'second'),
    );
    expect((await load(mixed)).config.gatekeepers).toHaveLength(2);
  });
});
