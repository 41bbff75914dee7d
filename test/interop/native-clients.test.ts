/** Clients that people install, as Debian has them: logged in through the proxy at the same time, with a message each way
 *  and, where the client has OMEMO, an encrypted one. sendxmpp only sends. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loginTo } from '../peers/client.ts';
import { describeWithPeers } from '../peers/require.ts';
import { publishOmemoKeys } from '../peers/omemo-keys.ts';
import type { PeerServer } from '../peers/server.ts';
import { prosody } from '../peers/servers.ts';
import { xmppJsStanzas, type StanzaClient } from '../peers/stanza-client.ts';
import type { TableClient, TableSession } from '../peers/table-client.ts';
import { dinoTable } from '../peers/table/dino.ts';
import { glooxTable } from '../peers/table/gloox.ts';
import { mcabberTable } from '../peers/table/mcabber.ts';
import { poezioTable } from '../peers/table/poezio.ts';
import { profanityTable } from '../peers/table/profanity.ts';
import { sendxmppTable } from '../peers/table/sendxmpp.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { chat } from './what-works/stage.ts';

const clients: readonly TableClient[] = [
  glooxTable,
  mcabberTable,
  poezioTable,
  profanityTable,
  sendxmppTable,
  // Its mount namespace is root's to make.
  ...(process.getuid?.() === 0 ? [dinoTable] : []),
];

/** They share the processor. */
const patienceMs = 60_000;

describeWithPeers(
  [...prosody.needs, ...clients.flatMap(({ needs }) => needs)],
  'native clients under balanced',
  () => {
    let server: PeerServer;
    let proxy: TestProxy;
    let romeo: StanzaClient;

    beforeAll(async () => {
      const users = ['romeo', ...clients.map(({ name }) => name)];
      server = await prosody.start({
        // mcabber has no SCRAM.
        plain: true,
        accounts: Object.fromEntries(users.map((user) => [user, `the key of ${user}`])),
      });
      const { chain: certificate, key, authority: ca } = server.certificates;
      const gatekeeper = { port: server.ports.direct, tls: 'direct' } as const;
      proxy = await startTestProxy({
        domain: server.domain,
        gatekeeper,
        certificate,
        key,
        ca,
        policy: 'balanced',
      });
      romeo = await xmppJsStanzas.logIn(loginTo(server, 'romeo', 'direct'));
      await publishOmemoKeys(romeo);
    });
    afterAll(async () => {
      await romeo?.close();
      await proxy?.close();
      await server?.close();
    });

    async function received(session: TableSession, { name }: TableClient): Promise<void> {
      romeo.send(chat(session.jid, `<body>Parting, ${name} &amp; 🌹</body>`));
      const { from, body } = await session.receive(patienceMs);
      expect(body).toBe(`Parting, ${name} & 🌹`);
      // mcabber's events have the bare JID.
      expect([romeo.jid, 'romeo@localhost']).toContain(from);
    }

    async function encrypted(session: TableSession, { name }: TableClient): Promise<void> {
      await session.sendEncrypted!('romeo@localhost', `Adieu, ${name}`);
      const from = new RegExp(`^<message [^>]*from=["']${session.jid}/`);
      const seen = await romeo.until((xml) => from.test(xml) && xml.includes('<encrypted '), patienceMs);
      expect(seen).not.toContain('Adieu');
    }

    it.concurrent.each(clients)('$name logs in, sends, and receives', async (client) => {
      const session = await client.logIn({
        ...loginTo(server, client.name, 'starttls'),
        port: proxy.starttls,
      });
      await session.send('romeo@localhost', `Good morrow & ${client.name}`);
      const seen = await romeo.until((xml) => xml.includes(`&amp; ${client.name}`), patienceMs);
      expect(seen).toMatch(new RegExp(`^<message [^>]*from=["']${session.jid}/`));
      if (client.cannot['message in'] === undefined) await received(session, client);
      if (client.cannot['encrypted message'] === undefined) await encrypted(session, client);
      await session.close();
    });
  },
);
