/** SASL 2 with Bind 2, FAST and inline resumption (XEP-0388, 0386, 0484, 0198) between a real client and a real server:
 *  @xmpp/client, which logs in by password and later by token, and Prosody 13 with the community modules. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loginTo, type Login, type PeerClient } from '../peers/client.ts';
import { xmppJsClient } from '../peers/clients.ts';
import { startRedis } from '../peers/redis.ts';
import { describeWithPeers } from '../peers/require.ts';
import { Sasl2Client, talk } from '../peers/sasl2-client.ts';
import { prosody13 } from '../peers/servers.ts';
import type { PeerServer } from '../peers/server.ts';
import { openLink, type Link } from '../support/link.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { expectAgents, shownAgents } from './shown-agents.ts';

const slowMs = 120_000;
const modules = [
  'sasl2',
  'sasl2_bind2',
  'sasl2_sm',
  'sasl2_fast',
  'shown_authentications',
  'no_channel_binding',
];

let server: PeerServer;
let romeo: PeerClient;
const closing: (() => PromiseLike<unknown>)[] = [];

/** Starts the server, with romeo straight at it. */
async function begin(): Promise<void> {
  server = await prosody13.start({ modules });
  romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls'));
}

async function end(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close();
  await romeo?.close();
  await server?.close();
}

async function openProxy(options: Partial<TestProxyOptions>): Promise<TestProxy> {
  const { certificates, domain, ports } = server;
  const proxy = await startTestProxy({
    domain,
    certificate: certificates.chain,
    key: certificates.key,
    ca: certificates.authority,
    gatekeeper: { port: ports.direct, tls: 'direct' },
    http: { publicUrl: `https://${domain}`, websocket: {} },
    ...options,
  });
  closing.push(() => proxy.proxy.close());
  return proxy;
}

async function logIn(link: Link, mode: Login['mode']): Promise<Sasl2Client> {
  const juliet = await Sasl2Client.logIn({ ...loginTo(server, 'juliet', 'direct'), mode, port: link.port });
  closing.push(() => juliet.close());
  return juliet;
}

describeWithPeers(prosody13.needs, 'Prosody 13', () => {
  beforeAll(begin, slowMs);
  afterAll(end, slowMs);

  it.each([
    ['passthrough', 'direct'],
    ['balanced', 'starttls'],
    ['balanced', 'websocket'],
    ['strict', 'direct'],
  ] as const)(
    'under %s, over %s: a password once, then tokens; a lost stream is resumed in the authentication',
    async (policy, mode) => {
      const before = shownAgents(server).length;
      const proxy = await openProxy({ policy });
      const link = await openLink(mode === 'websocket' ? proxy.proxy.httpPort! : proxy[mode]);
      closing.push(() => link.close());
      const juliet = await logIn(link, mode);
      const first = await juliet.authenticated();
      expect(first.request).toContain('mechanism="SCRAM-SHA-1"');
      expect(first.outcome).toMatch(/<bound .*<enabled .*<token /);
      await talk(juliet, romeo, 'Wherefore art thou?');

      link.cut();
      const second = await juliet.authenticated();
      expect(second.request).toContain('mechanism="HT-SHA-256-NONE"');
      expect(second.outcome).toContain('<resumed');
      await talk(juliet, romeo, 'A thousand times good night!');
      expect(juliet.bound).toHaveLength(1);

      juliet.beginAnew();
      const third = await juliet.authenticated();
      expect(third.request).toContain('mechanism="HT-SHA-256-NONE"');
      expect(third.outcome).toMatch(/<bound .*<enabled /);
      await juliet.until(() => juliet.bound.length === 2, 'log in again');
      await talk(juliet, romeo, 'Good pilgrim');

      const agents = shownAgents(server).slice(before);
      expect(agents).toHaveLength(3);
      expectAgents(agents, policy);
      if (policy !== 'passthrough') expect(juliet.bound[0]).toMatch(/\/device/);
    },
    slowMs,
  );
});

describeWithPeers([...prosody13.needs, 'redis'], 'Prosody 13 with two replicas', () => {
  beforeAll(begin, slowMs);
  afterAll(end, slowMs);

  it(
    'a stream that began at one is resumed inside an authentication at the other',
    async () => {
      const folder = await temporaryFolder();
      const redis = await startRedis();
      closing.push(() => folder[Symbol.asyncDispose](), () => redis.close()); // prettier-ignore
      const shared = {
        policy: 'balanced',
        keyFiles: [await folder.write('pseudonyms', 'p'.repeat(32))],
        state: { keyFiles: [await folder.write('state', 's'.repeat(32))], redis: redis.section },
      };
      const [one, other] = [await openProxy(shared), await openProxy(shared)];
      const link = await openLink(one.direct);
      closing.push(() => link.close());
      const juliet = await logIn(link, 'direct');
      await juliet.authenticated();
      await talk(juliet, romeo, 'Wherefore art thou?');

      link.aim(other.direct);
      link.cut();
      const { request, outcome } = await juliet.authenticated();
      expect(request).toContain('mechanism="HT-SHA-256-NONE"');
      expect(outcome).toContain('<resumed');
      await talk(juliet, romeo, 'A thousand times good night!');
      expect(juliet.bound).toHaveLength(1);
    },
    slowMs,
  );
});
