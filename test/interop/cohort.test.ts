/** Clients of different libraries under one profile: what of them reaches the server is the same bytes. The server
 *  is real; in front of it a tap reads along, and another device of the same account asks each of them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { distinguishable } from '../../src/capabilities/cohort.ts';
import { logInCapable, type CapableClient } from '../peers/capable.ts';
import { loginTo, type Login } from '../peers/client.ts';
import { libstropheClient, logInCapableXmppJs } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { servers } from '../peers/servers.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { openTap, type Tap } from '../support/tap.ts';

type LogIn = (login: Login) => Promise<{ readonly close: () => Promise<void> }>;

const xmppJs: LogIn = logInCapableXmppJs;
const slixmpp: LogIn = (login) => logInCapable(login, ['urn:xmpp:reactions:0']);
/** Advertises nothing, which tells it from all that do. */
const libstrophe: LogIn = (login) => libstropheClient.logIn(login);

const policies = new URL('../../policies/', import.meta.url).pathname;
/** How long to wait for a party that may never answer. */
const silenceMs = 1_000;

/** Returns the value of `from`. */
function senderOf(xml: string): string | undefined {
  return / from="([^"]*)"/.exec(xml)?.[1];
}

for (const kind of servers) {
  describeWithPeers([...kind.needs, 'slixmpp', 'libstrophe'], `a cohort with ${kind.name}`, () => {
    let server: PeerServer;
    let tap: Tap;
    let watcher: CapableClient;
    let questions = 0;

    beforeAll(async () => {
      server = await kind.start();
      const { chain: certificate, key, authority: ca } = server.certificates;
      tap = await openTap({ port: server.ports.direct, domain: server.domain, certificate, key, ca });
      watcher = await logInCapable(loginTo(server, 'juliet', 'direct'));
    });
    afterAll(async () => {
      await watcher?.close();
      await tap?.close();
      await server?.close();
    });

    /** Returns everything with which a client tells others about itself: its first presence, and its answer when asked,
     *  which is empty when none came in `answerMs`. */
    const advertisementOf = async (
      logIn: LogIn,
      port: number,
      answerMs?: number,
    ): Promise<readonly string[]> => {
      const connection = tap.sent.length;
      // A presence of the watcher itself, or of a client before, may still arrive.
      const others = new Set([watcher.jid, ...watcher.stanzas.map(senderOf)]);
      const client = await logIn({ ...loginTo(server, 'juliet', 'direct'), port });
      try {
        const presence = await watcher.until(
          (xml) =>
            /^<presence.* from="juliet@[^"]*\//.test(xml) &&
            !xml.includes(' type=') &&
            !others.has(senderOf(xml)),
        );
        const id = `question-${(questions += 1)}`;
        watcher.send(
          `<iq type='get' id='${id}' to='${senderOf(presence)!}'>` +
            `<query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
        );
        await watcher.until((xml) => xml.startsWith('<iq') && xml.includes(id), answerMs).catch(() => '');
        const sent = tap.sent[connection]!;
        const answer = new RegExp(`<iq [^>]*["']${id}["'][^>]*(?:/>|>[^]*?</iq>)`).exec(sent)?.[0] ?? '';
        return [/<presence(?:[^>]*\/>|[^]*?<\/presence>)/.exec(sent)![0], answer];
      } finally {
        await client.close();
      }
    };

    const openProxy = (policy: string): Promise<TestProxy> =>
      startTestProxy({
        domain: server.domain,
        gatekeeper: { port: tap.port, tls: 'direct' },
        certificate: server.certificates.chain,
        key: server.certificates.key,
        ca: server.certificates.authority,
        policy,
        capabilities: {
          contentKinds: `${policies}content-kinds.yaml`,
          profiles: [`${policies}capabilities/desktop.yaml`],
        },
      });

    it('where clients of different libraries look alike, under each policy', async () => {
      const all = async (port: number, answerMs?: number): Promise<(readonly string[])[]> => {
        const advertisements: (readonly string[])[] = [];
        for (const logIn of [xmppJs, slixmpp, libstrophe])
          advertisements.push(await advertisementOf(logIn, port, answerMs));
        return advertisements;
      };
      const before = await all(tap.port, silenceMs);
      for (const policy of ['passthrough', 'balanced', 'strict']) {
        const proxy = await openProxy(policy);
        const after = await all(proxy.direct);
        await proxy.close();
        for (const [names, count] of [
          ['@xmpp/client and slixmpp', 2],
          ['@xmpp/client, slixmpp and libstrophe', 3],
        ] as const) {
          const counts = [before, after].map((each) => distinguishable(each.slice(0, count)));
          console.log(`${kind.name}, ${policy}, ${names}: ${counts[0]} before, ${counts[1]} after`);
          expect(counts, policy).toEqual([count, 1]);
        }
        // Not only alike in shape: the presences are the same bytes.
        expect(new Set(after.map(([presence]) => presence)).size).toBe(1);
        for (const [presence, answer] of after) {
          expect(presence).toContain("<c xmlns='http://jabber.org/protocol/caps'");
          expect(answer).toContain("<feature var='urn:xmpp:reactions:0'/>");
        }
      }
    });
  });
}
