/** The three remedies for channel binding, each with a real server that offers it and real clients. */
import { afterEach, beforeAll, afterAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { loginTo, type PeerClient } from '../peers/client.ts';
import { clients, xmppJsClient, type ClientKind } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer, ServerOptions } from '../peers/server.ts';
import { ejabberd, prosody, prosody13, type ServerKind } from '../peers/servers.ts';
import type { ChannelBinding } from '../../src/session/facts.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { startTokenParties } from './token-parties.ts';

const slixmpp = clients.find(({ name }) => name === 'slixmpp')!;

/** Before the server, with the server's own certificate. */
function proxyTo(server: PeerServer, channelBinding: ChannelBinding): Promise<TestProxy> {
  return startTestProxy({
    domain: server.domain,
    gatekeeper: { port: server.ports.direct, tls: 'direct' },
    certificate: server.certificates.chain,
    key: server.certificates.key,
    ca: server.certificates.authority,
    channelBinding,
  });
}

const through = (server: PeerServer, proxy: TestProxy, user: string) => ({
  ...loginTo(server, user, 'starttls'),
  port: proxy.starttls,
});

/** What a client meets with a server's mechanisms and the proxy's default mode: logged in, or the code of the error. */
async function meets(server: PeerServer, client: ClientKind): Promise<string> {
  const proxy = await proxyTo(server, 'gatekeeper-without-plus');
  try {
    const juliet = await client.logIn(through(server, proxy, 'juliet'));
    await juliet.close();
    return 'logged in';
  } catch {
    return [...new Set(proxy.closed)].join(', ');
  } finally {
    await proxy.close();
  }
}

/** slixmpp binds `tls-unique` where it sees a -PLUS mechanism, and flags `y` where it sees none; the other libraries bind
 *  no channel. go-sendxmpp knows PLAIN only. */
const outcomes: readonly (readonly [ServerKind, string, ServerOptions, Record<string, string>])[] = [
  ...[prosody13, ejabberd].map(
    (kind) =>
      [
        kind,
        'its default mechanisms',
        { defaultMechanisms: true },
        {
          '@xmpp/client': 'logged in',
          libstrophe: 'logged in',
          'go-sendxmpp': 'logged in',
          aioxmpp: 'logged in',
          slixmpp: 'ERR_CHANNEL_BINDING',
        },
      ] as const,
  ),
  [
    prosody13,
    'its -PLUS mechanisms disabled',
    { plain: true },
    {
      '@xmpp/client': 'logged in',
      libstrophe: 'logged in',
      'go-sendxmpp': 'logged in',
      aioxmpp: 'logged in',
      slixmpp: 'ERR_CHANNEL_BINDING_FLAG',
    },
  ],
  [
    prosody13,
    'the module that takes channel binding away',
    { defaultMechanisms: true, modules: ['no_channel_binding'] },
    {
      '@xmpp/client': 'logged in',
      libstrophe: 'logged in',
      'go-sendxmpp': 'logged in',
      aioxmpp: 'logged in',
      slixmpp: 'logged in',
    },
  ],
  [
    ejabberd,
    'its -PLUS mechanisms disabled',
    { plain: true },
    {
      '@xmpp/client': 'logged in',
      libstrophe: 'logged in',
      'go-sendxmpp': 'logged in',
      aioxmpp: 'logged in',
      slixmpp: 'logged in',
    },
  ],
];

describe('gatekeeper-without-plus', () => {
  for (const [kind, mechanisms, options, expected] of outcomes)
    describeWithPeers(kind.needs, `${kind.name} with ${mechanisms}`, () => {
      let server: PeerServer;
      beforeAll(async () => {
        server = await kind.start(options);
      });
      afterAll(() => server?.close());

      for (const client of clients)
        describeWithPeers(client.needs, client.name, () => {
          it(`meets: ${expected[client.name]}`, async () => {
            expect(await meets(server, client)).toBe(expected[client.name]);
          });
        });
    });
});

describeWithPeers(['prosody', 'slixmpp'], 'gatekeeper-without-plus, with a token', () => {
  it('passes OAUTHBEARER through to a server that accepts it, and its refusal back', async () => {
    const server = await prosody.start({ tokens: { 'a.good.token': 'juliet' } });
    const proxy = await proxyTo(server, 'gatekeeper-without-plus');
    try {
      const login = through(server, proxy, 'juliet');
      const juliet = await slixmpp.logIn({ ...login, token: 'a.good.token' });
      await juliet.close();
      await expect(xmppJsClient.logIn({ ...login, token: 'a.bad.token' })).rejects.toThrow(/not-authorized/);
      expect(new Set(proxy.closed)).toEqual(new Set(['client-closed']));
    } finally {
      await proxy.close();
      await server.close();
    }
  });
});

describeWithPeers(['prosody', 'slixmpp'], 'same-certificate', () => {
  let server: PeerServer;
  let proxy: TestProxy;
  let online: PeerClient[] = [];

  beforeAll(async () => {
    server = await prosody.start({ channelBinding: true, tokens: {} });
    proxy = await proxyTo(server, 'same-certificate');
  });
  afterEach(async () => {
    await Promise.all(online.map((client) => client.close()));
    online = [];
  });
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  it('lets SCRAM bind to the certificate that both show, over TLS 1.3 here and TLS 1.2 there', async () => {
    const login = { ...through(server, proxy, 'juliet'), bindsEndPoint: true };
    const juliet = await slixmpp.logIn(login);
    online.push(juliet);
    const romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls'));
    online.push(romeo);
    juliet.send(romeo.jid, 'bound');
    expect((await romeo.receive()).body).toBe('bound');
  });

  it('refuses a client that shows another certificate: the binding is checked', async () => {
    const authority = createDevelopmentAuthority();
    const other = await startTestProxy({
      domain: server.domain,
      gatekeeper: { port: server.ports.direct, tls: 'direct' },
      ...authority.issue(['localhost']),
      ca: server.certificates.authority,
      channelBinding: 'same-certificate',
    });
    try {
      const login = {
        ...through(server, other, 'juliet'),
        authority: authority.certificate,
        bindsEndPoint: true,
      };
      await expect(slixmpp.logIn(login)).rejects.toThrow(/failed_all_auth/);
    } finally {
      await other.close();
    }
  });
});

describeWithPeers(['prosody', 'slixmpp'], 'reauthenticate', () => {
  it('allows a server to offer -PLUS: Prosody accepts the token from the proxy', async () => {
    const tokens: Record<string, string> = {};
    let server: PeerServer | undefined;
    const parties = await startTokenParties({
      policy: 'balanced',
      otherGatekeeper: async ({ token }) => {
        tokens[await token('juliet@localhost')] = 'juliet';
        tokens[await token('romeo@localhost')] = 'romeo';
        server = await prosody.start({ channelBinding: true, tokens });
        const { ports, certificates, close } = server;
        return { port: ports.direct, ca: certificates.authority, close };
      },
    });
    const shown = Object.keys(tokens);
    const login = (index: number, user: string) => ({
      user,
      domain: 'localhost',
      host: '127.0.0.1',
      port: parties.proxy.starttls,
      mode: 'starttls' as const,
      authority: parties.ca,
      password: shown[index]!,
    });
    const online: PeerClient[] = [];
    try {
      expect(await server!.mechanisms('direct')).toEqual(
        expect.arrayContaining(['OAUTHBEARER', 'SCRAM-SHA-256-PLUS']),
      );
      const juliet = await slixmpp.logIn({ ...login(0, 'juliet'), token: shown[0]! });
      online.push(juliet);
      const romeo = await xmppJsClient.logIn(login(1, 'romeo'));
      online.push(romeo);
      juliet.send(romeo.jid, 'known by a token');
      expect((await romeo.receive()).body).toBe('known by a token');
    } finally {
      await Promise.all(online.map((client) => client.close()));
      await parties.close();
    }
  });
});
