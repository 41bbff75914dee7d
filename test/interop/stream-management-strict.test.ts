/** Stream management under a policy that delays stanzas, with a real server and a real client that count. Presences cross the
 *  moment at which counting begins: what each end counts of them decides whether the session lives. */
import { expect, it } from 'vitest';
import { startEjabberd } from '../peers/ejabberd.ts';
import { loginTo, type PeerClient } from '../peers/client.ts';
import { xmppJsClient } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { startTestProxy } from '../support/proxy.ts';
import { eventually } from '../support/wait.ts';

const rounds = 4;
const sessionsAtOnce = 6;

describeWithPeers(['ejabberd'], 'ejabberd and @xmpp/client under strict', () => {
  it('agree on every count in 24 sessions of one account, which see each other come and go', async () => {
    const server = await startEjabberd({ plain: true });
    const { key, chain: certificate, authority: ca } = server.certificates;
    const proxy = await startTestProxy({
      domain: server.domain,
      gatekeeper: { port: server.ports.direct, tls: 'direct' },
      certificate,
      key,
      ca,
      policy: 'strict',
    });
    try {
      const login = { ...loginTo(server, 'juliet', 'starttls'), host: '127.0.0.1', port: proxy.starttls };
      for (let round = 0; round < rounds; round += 1) {
        const clients = await Promise.all(
          Array.from({ length: sessionsAtOnce }, () => xmppJsClient.logIn(login)),
        );
        for (const [index, client] of clients.entries()) await converse(client, `${round}-${index}`);
        await Promise.all(clients.map((client) => client.close()));
      }
      await eventually(() => proxy.closed.length === rounds * sessionsAtOnce);
      expect(proxy.closed.filter((reason) => reason !== 'client-closed')).toEqual([]);
    } finally {
      await proxy.close();
      await server.close();
    }
  });
});

/** Sends a message to the account itself, which comes back: both ends then ask for acknowledgements. */
async function converse(client: PeerClient, body: string): Promise<void> {
  client.send(client.jid, body);
  for (;;) if ((await client.receive(20_000)).body === body) return;
}
