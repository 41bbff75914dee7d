/** Client libraries whose proxy ends a part of its sessions: each resumes its stream, and gets each message once. */
import { expect, it } from 'vitest';
import { loginTo } from '../peers/client.ts';
import { resumingClients } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { startTestProxy } from '../support/proxy.ts';
import { openTap } from '../support/tap.ts';
import { eventually } from '../support/wait.ts';
import { countOf, speaks } from './reconnects/measure.ts';

/** For a machine under load. */
const patienceMs = 30_000;

describeWithPeers(
  [...prosody.needs, ...new Set(resumingClients.flatMap(({ needs }) => needs))],
  'a client whose session is drained',
  () => {
    it.each(resumingClients)('$name resumes its stream, and misses nothing', async (kind) => {
      const server = await prosody.start({ plain: true });
      const { chain: certificate, key, authority: ca } = server.certificates;
      const pair = { domain: server.domain, certificate, key, ca };
      const tap = await openTap({ port: server.ports.direct, ...pair });
      const proxy = await startTestProxy({
        ...pair,
        gatekeeper: { port: tap.port, tls: 'direct' },
        timeouts: { drainMs: 1_000, drainSpreadMs: 0 },
      });
      const login = { ...loginTo(server, 'juliet', 'direct'), port: proxy.direct, reconnects: true };
      const client = await kind.logIn(login);
      try {
        await speaks(server, client, 'before');
        expect(proxy.proxy.streams.shed(1)).toBe(1);
        await speaks(server, undefined, 'meanwhile');
        await eventually(() => tap.sent[1]?.includes('<resume '), patienceMs);
        expect(await countOf(client, 'meanwhile')).toBe(1);
        await speaks(server, client, 'after');
        expect(tap.sent).toHaveLength(2);
        expect(tap.sent[0]).not.toContain('</stream:stream>');
        expect(tap.sent[1]).not.toContain('urn:ietf:params:xml:ns:xmpp-bind');
      } finally {
        await client.close();
        await proxy.close();
        await tap.close();
        await server.close();
      }
    });
  },
);
