/** WebSocket with real peers: @xmpp/client over it and over TCP, Prosody and ejabberd reached over each, in every
 *  combination. Romeo connects straight to the server. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loginTo, type PeerClient } from '../peers/client.ts';
import { xmppJsClient } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { ejabberd, prosody, prosody13 } from '../peers/servers.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';

const slowMs = 60_000;

for (const kind of [prosody, prosody13, ejabberd])
  describeWithPeers(kind.needs, kind.name, () => {
    let server: PeerServer;
    let romeo: PeerClient;
    const proxies: Partial<Record<'TCP' | 'WebSocket', TestProxy>> = {};

    beforeAll(async () => {
      server = await kind.start({ webSocket: true });
      romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls'));
      const { certificates, domain, ports, webSocketPort } = server;
      const options = {
        domain,
        certificate: certificates.chain,
        key: certificates.key,
        ca: certificates.authority,
        policy: 'balanced',
        http: { publicUrl: `https://${domain}`, websocket: {} },
        gatekeeper: { port: ports.direct, tls: 'direct' as const },
      };
      proxies.TCP = await startTestProxy(options);
      proxies.WebSocket = await startTestProxy({
        ...options,
        gatekeeperHttp: { connect: { websocket: `wss://${domain}:${webSocketPort}/xmpp-websocket` } },
      });
    }, slowMs);
    afterAll(async () => {
      await romeo?.close();
      await proxies.TCP?.close();
      await proxies.WebSocket?.close();
      await server?.close();
    });

    it.each([
      ['direct', 'TCP'],
      ['direct', 'WebSocket'],
      ['websocket', 'TCP'],
      ['websocket', 'WebSocket'],
    ] as const)(
      'a client over %s, the gatekeeper over %s',
      async (mode, gatekeeper) => {
        const { direct, proxy } = proxies[gatekeeper]!;
        const port = mode === 'websocket' ? proxy.httpPort! : direct;
        const juliet = await xmppJsClient.logIn({ ...loginTo(server, 'juliet', 'direct'), mode, port });
        try {
          for (const body of ['Wherefore art thou?', 'Grüße & <b> 👩‍❤️‍👨', 'x'.repeat(20_000)]) {
            juliet.send(romeo.jid, body);
            expect(await romeo.receive()).toMatchObject({ body });
            romeo.send(juliet.jid, body);
            expect(await juliet.receive()).toMatchObject({ body });
          }
        } finally {
          await juliet.close();
        }
      },
      slowMs,
    );
  });
