/** Clients take the steps of docs/clients.md straight at a server: what they fail at there is not the proxy's doing. */
import { expect, it } from 'vitest';
import { loginTo } from '../peers/client.ts';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { xmppJsStanzas } from '../peers/stanza-client.ts';
import { steps } from '../peers/table-client.ts';
import { tableClients } from '../peers/table/clients.ts';
import { openLink } from '../support/link.ts';
import { takeStep, type Success } from './every-client/steps.ts';

for (const kind of tableClients)
  describeWithPeers([...prosody.needs, ...kind.needs], kind.name, () => {
    it.each(kind.transports)('takes every step over %s', async (transport) => {
      const server = await prosody.start({ plain: true, uploads: true, webSocket: true });
      const { webSocketPort, ports, domain, certificates } = server;
      const network = await openLink(transport === 'websocket' ? webSocketPort! : ports[transport]);
      const contact = await xmppJsStanzas.logIn(loginTo(server, 'romeo', 'starttls'));
      const login = { ...loginTo(server, 'juliet', 'direct'), mode: transport, port: network.port };
      const session = await kind.logIn({ ...login, reconnects: true });
      const scene = {
        session,
        contact,
        network,
        domain,
        authority: certificates.authority,
        exchanged: [],
      };
      const found: Record<string, Success> = {};
      for (const step of steps)
        if (step !== 'log in' && kind.cannot[step] === undefined) found[step] = await takeStep[step](scene);
      await session.close();
      await contact.close();
      await network.close();
      await server.close();
      expect(new Set(Object.values(found))).toEqual(new Set(['works']));
    });
  });
