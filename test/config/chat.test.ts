import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problem.ts';
import { verifyFiles } from '../../src/config/verify.ts';
import { defaultChatLimits } from '../../src/chat/limits.ts';
import { folderWith } from './folder.ts';

const chatSection = `    chat:
      rootKey: ${'ab'.repeat(32)}
      accountSecretFiles: [account-secret]
      integrator: 7
      platform: 1
      appVersion: [2, 3000]
`;

const provider = `provider:
  issuer: https://provider.example
  jwksUri: https://provider.example/jwks
  audiences: [chat]
`;

const complete = `apiVersion: narthex/v1
kind: Proxy
listeners: [{ name: clients, port: 5222, tls: starttls }]
certificates: [{ certFile: tls.crt, keyFile: tls.key }]
domains: [{ domain: chat.example, gatekeeper: chat }]
gatekeepers:
  - name: chat
    protocol: chat-channel
    connect: { address: 'chat.internal:5222' }
${chatSection}${provider}`;

function folder(text: string, secret = 'a'.repeat(32)): Promise<string> {
  return folderWith({ 'tls.crt': 'x', 'tls.key': 'x', 'account-secret': secret, 'narthex.yaml': text });
}

async function problems(text: string): Promise<string[]> {
  const error: unknown = await loadConfig({ folder: await folder(text), environment: {} }).then(
    () => expect.fail('the configuration was accepted'),
    (refused: unknown) => refused,
  );
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map((problem) => `${formatProblem(problem)} ${problem.remedy}`);
}

const inserted = (line: string): string => complete.replace('    chat:\n', `${line}\n    chat:\n`);

describe('a gatekeeper with the chat channel', () => {
  it('gets its defaults, and the client authenticates to the proxy', async () => {
    const { config } = await loadConfig({ folder: await folder(complete), environment: {} });
    const [gatekeeper] = config.gatekeepers;
    expect(gatekeeper).toMatchObject({ protocol: 'chat-channel', channelBinding: 'reauthenticate' });
    expect(gatekeeper!.chat).toMatchObject({
      rootSerial: 0,
      accountNumber: 'omit',
      padToBytes: 0,
      interopServer: { read: 'either', write: 'omit' },
      limits: {
        frameBytesMax: defaultChatLimits.frameBytesMax,
        inflatedBytesMax: defaultChatLimits.inflatedBytesMax,
        xmlBytesMax: defaultChatLimits.xmlBytesMax,
        nodesMax: defaultChatLimits.nodesMax,
        handshakeBytesMax: defaultChatLimits.handshakeBytesMax,
      },
    });
  });

  it.each([
    ['without its section', complete.replace(chatSection, ''), ['`gatekeepers[0].chat` is missing']],
    ['without a provider', complete.replace(provider, ''), ['there is no section `provider`']],
    [
      'with SRV records',
      complete.replace("{ address: 'chat.internal:5222' }", '{ srv: chat.example }'),
      ['`gatekeepers[0].connect.srv` does nothing'],
    ],
    [
      'with a mode of TLS',
      complete.replace(":5222' }", ":5222', tls: direct }"),
      ['`gatekeepers[0].connect.tls` does nothing'],
    ],
    [
      'with channel binding',
      inserted('    channelBinding: same-certificate'),
      ['`gatekeepers[0].channelBinding`'],
    ],
    [
      'with a client certificate and authorities',
      inserted('    clientCertFile: tls.crt\n    clientKeyFile: tls.key\n    caFile: tls.crt'),
      ['`gatekeepers[0].clientCertFile` does nothing', '`gatekeepers[0].caFile` does nothing'],
    ],
    [
      'with read receipts by profile, and no profiles',
      complete.replace('    chat:\n', '    chat:\n      enableReadReceipts: by-profile\n'),
      ['`enableReadReceipts: by-profile` needs capability profiles'],
    ],
    [
      'with attestations in the stream',
      inserted('    attestation: { audience: chat, carriers: { stream: {} } }'),
      ['`signals` is missing', '`gatekeepers[0].attestation.carriers.stream` does nothing'],
    ],
    [
      'with media, and no references to them',
      `${inserted('    media: {}')}  media: { hosts: [https://media.example], keyFiles: [account-secret] }\nhttp: { publicUrl: https://chat.example }\n`,
      ['`gatekeepers[0].media` needs `provider.media.references`: with `protocol: chat-channel`'],
    ],
    ['with half a root key', complete.replace('ab'.repeat(32), 'ab'), ['64 hexadecimal digits']],
    [
      'with three secrets',
      complete.replace('[account-secret]', '[account-secret, account-secret, account-secret]'),
      ['accountSecretFiles'],
    ],
  ])('is refused %s, with place and remedy', async (_, text, expected) => {
    const found = await problems(text);
    expect(found).toHaveLength(expected.length);
    for (const part of expected)
      expect(
        found.filter((each) => each.includes(part) && /^narthex\.yaml:\d+:\d+: error .*\.$/.test(each)),
      ).toHaveLength(1);
  });

  it('refuses its section with another protocol, and a gatekeeper of XMPP without a mode of TLS', async () => {
    const found = await problems(complete.replace('chat-channel', 'xmpp'));
    expect(found).toHaveLength(2);
    expect(found[0]).toContain('9:14: error ERR_CONFIG_MISSING: `gatekeepers[0].connect.tls` is missing');
    expect(found[1]).toContain('`gatekeepers[0].chat` is for `protocol: chat-channel`');
  });

  it('needs no client certificate for attestations in a PROXY header: the handshake binds them', async () => {
    const text = inserted('    attestation: { audience: chat, carriers: { proxyProtocol: {} } }');
    expect(await problems(text)).toEqual([expect.stringContaining('`signals` is missing')]);
  });

  it('has media by reference', async () => {
    const media =
      'media: { hosts: [https://media.example], keyFiles: [account-secret], references: { certFile: tls.crt } }';
    const text = `${inserted('    media: {}')}  ${media}\nhttp: { publicUrl: https://chat.example }\n`;
    const { config } = await loadConfig({ folder: await folder(text), environment: {} });
    expect(config.provider?.media?.references?.path).toBe('/media/references');
  });

  it.each([
    ['short', 'a'.repeat(31), ['ERR_CONFIG_SECRET']],
    ['long enough', 'a'.repeat(32), []],
  ])('checks whether its secret is %s', async (_, secret, expected) => {
    const loaded = await loadConfig({ folder: await folder(complete, secret), environment: {} });
    const { problems: found } = await verifyFiles(loaded, Date.now());
    expect(found.map(({ code }) => code).filter((code) => code === 'ERR_CONFIG_SECRET')).toEqual(expected);
  });
});
