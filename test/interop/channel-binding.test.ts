/** The three remedies for channel binding, each with a real server that offers it and real clients. */
import { afterEach, beforeAll, afterAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { loginTo, type Login, type PeerClient } from '../peers/client.ts';
import { aioxmppClient, clients, xmppJsClient, type ClientKind } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer, ServerOptions } from '../peers/server.ts';
import { ejabberd, prosody, prosody13, type ServerKind } from '../peers/servers.ts';
import type { ChannelBinding } from '../../src/session/facts.ts';
import { createAuthority } from '../support/certificates.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { connectRaw, streamHeader } from '../support/raw-client.ts';
import { openTap, type Tap, type TapOptions } from '../support/tap.ts';
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
  for (const [kind, mechanisms, options, expected] of outcomes) {
    const tests = (): void => {
      let server: PeerServer;
      beforeAll(async () => {
        server = await kind.start(options);
      });
      afterAll(() => server?.close());

      for (const client of clients)
        describeWithPeers(
          client.needs,
          client.name,
          () => {
            it(`meets: ${expected[client.name]}`, async () => {
              expect(await meets(server, client)).toBe(expected[client.name]);
            });
          },
          { concurrent: false },
        );
    };
    describeWithPeers(kind.needs, `${kind.name} with ${mechanisms}`, tests, { concurrent: true });
  }
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

describeWithPeers(
  ['prosody-13', 'aioxmpp'],
  'same-certificate, with a library and a server that have the binding',
  () => {
    let server: PeerServer;
    let tap: Tap;
    let proxy: TestProxy;

    beforeAll(async () => {
      // aioxmpp's library reads the hash off RSA signatures only.
      server = await prosody13.start({ channelBinding: true, certificate: 'rsa', endPointBinding: 'hash' });
      tap = await openTap(tapTo(server, server.ports.direct, server.certificates));
      proxy = await startTestProxy({ ...before(server), gatekeeper: { port: tap.port, tls: 'direct' } });
    });
    afterAll(async () => {
      await proxy?.close();
      await tap?.close();
      await server?.close();
    });

    it.each(['starttls', 'direct'] as const)(
      'logs in by SCRAM-SHA-256-PLUS bound to the certificate, over %s',
      async (mode) => {
        const juliet = await aioxmppClient.logIn(bound({ mode, port: proxy[mode] }));
        const romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls'));
        try {
          juliet.send(romeo.jid, 'bound');
          expect((await romeo.receive()).body).toBe('bound');
        } finally {
          await romeo.close();
          await juliet.close();
        }
        expect(startOf(tap)).toEqual(['SCRAM-SHA-256-PLUS', 'p=tls-server-end-point,,']);
      },
    );

    it('announces of the bindings of the server the one that passes', async () => {
      expect(await announcedBindings(server.ports.direct)).toEqual(['tls-exporter', 'tls-server-end-point']);
      expect(await announcedBindings(proxy.direct)).toEqual(['tls-server-end-point']);
    });

    it.each(['starttls', 'direct'] as const)(
      'refuses a client over %s to which the proxy shows another certificate',
      async (mode) => {
        const other = createAuthority('Another authority', 'rsa');
        const { cert: certificate, key } = other.issue({ dns: [server.domain] });
        const stranger = await startTestProxy({ ...before(server), certificate, key });
        try {
          const login = bound({ mode, port: stranger[mode], authority: other.cert });
          await expect(aioxmppClient.logIn(login)).rejects.toThrow(/not-authorized|malformed-request/);
        } finally {
          await stranger.close();
        }
      },
    );

    it('refuses a client with a machine in the middle that has a certificate it trusts; without binding it gets in', async () => {
      const other = createAuthority('Another authority', 'rsa');
      const { cert: chain, key } = other.issue({ dns: [server.domain] });
      const middle = await openTap(tapTo(server, proxy.direct, { chain, key }));
      const login = bound({ mode: 'direct', port: middle.port, authority: other.cert });
      try {
        await expect(aioxmppClient.logIn(login)).rejects.toThrow(/not-authorized|malformed-request/);
        const juliet = await aioxmppClient.logIn({ ...login, bindsEndPoint: false });
        await juliet.close();
      } finally {
        await middle.close();
      }
    });

    const bound = (more: Pick<Login, 'mode' | 'port'> & Partial<Login>): Login => ({
      ...loginTo(server, 'juliet', 'direct'),
      bindsEndPoint: true,
      ...more,
    });

    /** The types of XEP-0440 that a port announces, sorted. */
    async function announcedBindings(port: number): Promise<string[]> {
      const client = connectRaw(port, server.certificates.authority, { servername: server.domain });
      client.socket.write(streamHeader(server.domain));
      await client.until('</stream:features>', 20_000);
      client.socket.destroy();
      return [...client.received().matchAll(/<channel-binding [^>]*type=['"]([^'"]+)/g)]
        .map(([, type]) => type!)
        .toSorted();
    }
  },
);

describeWithPeers(['prosody-13', 'aioxmpp'], 'Prosody 13 with `tls_server_end_point_hash = "auto"`', () => {
  it('has the binding for its first stream only, so that docs/channel-binding.md asks for the hash', async () => {
    const server = await prosody13.start({
      channelBinding: true,
      certificate: 'rsa',
      endPointBinding: 'auto',
    });
    try {
      const login = { ...loginTo(server, 'juliet', 'direct'), bindsEndPoint: true };
      await expect(aioxmppClient.logIn(login)).rejects.toThrow(/binding type isn't supported/);
    } finally {
      await server.close();
    }
  });
});

/** A proxy in the mode `same-certificate`, with the certificate of the server. */
const before = ({ domain, ports, certificates }: PeerServer): TestProxyOptions => ({
  domain,
  gatekeeper: { port: ports.direct, tls: 'direct' },
  certificate: certificates.chain,
  key: certificates.key,
  ca: certificates.authority,
  channelBinding: 'same-certificate',
});

const tapTo = (
  { domain, certificates }: PeerServer,
  port: number,
  { chain: certificate, key }: { readonly chain: string; readonly key: string },
): TapOptions => ({ port, domain, certificate, key, ca: certificates.authority });

/** Mechanism and gs2 header (RFC 5801 §4) of the last authentication that reached the server. */
function startOf({ sent }: Tap): (string | undefined)[] {
  const [, mechanism, message] = /<auth [^>]*mechanism=['"]([^'"]+)[^>]*>([^<]*)/.exec(sent.at(-1)!) ?? [];
  const text = Buffer.from(message ?? '', 'base64').toString();
  return [mechanism, /^[^,]*,[^,]*,/.exec(text)?.[0]];
}

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
