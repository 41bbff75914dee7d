/** SASL 2 with `reauthenticate`: @xmpp/client authenticates to the proxy by its token, binds and resumes inside the
 *  authentication, before a server that speaks SASL 2 and one that does not. */
import { afterEach, expect, it } from 'vitest';
import { loginTo, type PeerClient } from '../peers/client.ts';
import { xmppJsClient } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { Sasl2Client, talk } from '../peers/sasl2-client.ts';
import { prosody, prosody13, type ServerKind } from '../peers/servers.ts';
import type { PeerServer, ServerOptions } from '../peers/server.ts';
import { openLink } from '../support/link.ts';
import { expectAgents, shownAgents } from './shown-agents.ts';
import { startTokenParties } from './token-parties.ts';

const slowMs = 120_000;
const closing: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
}, slowMs);

interface Scene {
  readonly juliet: Sasl2Client;
  readonly romeo: PeerClient;
  readonly server: PeerServer;
  /** Ends the connection of juliet, who comes back. */
  readonly cut: () => void;
}

/** Logs juliet in through the proxy, and romeo straight at the server. */
async function open(
  kind: ServerKind,
  policy: string,
  mode: 'direct' | 'websocket',
  options: ServerOptions,
): Promise<Scene> {
  let server: PeerServer | undefined;
  let token = '';
  const parties = await startTokenParties({
    policy,
    http: { publicUrl: 'https://localhost', websocket: {} },
    async otherGatekeeper(site) {
      token = await site.token('juliet@localhost');
      server = await kind.start({ ...options, tokens: { [token]: 'juliet' } });
      return {
        port: server.ports.direct,
        ca: server.certificates.authority,
        close: () => server!.close(),
      };
    },
  });
  closing.push(() => parties.close());
  const romeo = await xmppJsClient.logIn(loginTo(server!, 'romeo', 'direct'));
  closing.push(() => romeo.close());
  const link = await openLink(mode === 'direct' ? parties.proxy.direct : parties.proxy.proxy.httpPort!);
  closing.push(() => link.close());
  const login = {
    ...loginTo(server!, 'juliet', 'direct'),
    mode,
    port: link.port,
    authority: parties.ca,
    token,
  };
  const juliet = await Sasl2Client.logIn(login);
  closing.push(() => juliet.close());
  return { juliet, romeo, server: server!, cut: () => link.cut() };
}

const cases: readonly (readonly [ServerKind, string, ServerOptions])[] = [
  [prosody, 'which speaks SASL 1', {}],
  [
    prosody13,
    'which speaks SASL 2',
    { modules: ['sasl2', 'sasl2_bind2', 'sasl2_sm', 'sasl2_fast', 'shown_authentications'] },
  ],
];

for (const [kind, what, options] of cases)
  describeWithPeers(kind.needs, `${kind.name}, ${what}`, () => {
    it.each([
      ['passthrough', 'direct'],
      ['balanced', 'websocket'],
      ['strict', 'direct'],
    ] as const)(
      'under %s, over %s: binds and resumes inside the authentication',
      async (policy, mode) => {
        const { juliet, romeo, server, cut } = await open(kind, policy, mode, options);
        const first = await juliet.authenticated();
        expect(first.request).toMatch(/^> <authenticate [^>]*mechanism="OAUTHBEARER".*<bind /);
        // Nothing by which it could come back without a token.
        expect(first.request).not.toContain('urn:xmpp:fast:0');
        expect(first.outcome).toMatch(/^< <success .*<bound .*<enabled /);
        expect(first.outcome).toContain(`>${juliet.bound[0]}</authorization-identifier>`);
        await talk(juliet, romeo, 'Wherefore art thou?');

        cut();
        const second = await juliet.authenticated();
        expect(second.request).toMatch(/mechanism="OAUTHBEARER".*<resume /);
        expect(second.outcome).toMatch(/^< <success .*<resumed /);
        await talk(juliet, romeo, 'A thousand times good night!');
        expect(juliet.bound).toHaveLength(1);

        juliet.beginAnew();
        const third = await juliet.authenticated();
        expect(third.outcome).toMatch(/^< <success .*<bound /);
        await juliet.until(() => juliet.bound.length === 2, 'log in again');
        await talk(juliet, romeo, 'Good pilgrim');
        const agents = shownAgents(server);
        // SASL 1 has no place for one.
        if (kind === prosody) expect(agents).toEqual([]);
        else expectAgents(agents, policy);
      },
      slowMs,
    );
  });
