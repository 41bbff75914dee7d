/** SASL 2 with Bind 2, FAST and inline resumption (XEP-0388, 0386, 0484, 0198) between a real client and a real server:
 *  @xmpp/client, which logs in by password and later by token, and Prosody 13 with the community modules. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loginTo, type Login, type PeerClient } from '../peers/client.ts';
import { xmppJsClient } from '../peers/clients.ts';
import { startRedis } from '../peers/redis.ts';
import { describeWithPeers } from '../peers/require.ts';
import { Sasl2Client } from '../peers/sasl2-client.ts';
import { prosody13 } from '../peers/servers.ts';
import type { PeerServer } from '../peers/server.ts';
import { openLink, type Link } from '../support/link.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { temporaryFolder } from '../support/temporary.ts';

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

/** Messages in both directions. */
async function talk(juliet: Sasl2Client, body: string): Promise<void> {
  juliet.send(romeo.jid, body);
  expect(await romeo.receive()).toMatchObject({ body });
  romeo.send(juliet.jid, body);
  expect(await juliet.receive()).toMatchObject({ body });
}

/** Waits for the end of an authentication. @returns its request and its success */
async function authenticated(juliet: Sasl2Client): Promise<{ request: string; success: string }> {
  await juliet.until(() => juliet.elements.some((xml) => /^< <(?:success|failure)/.test(xml)), 'be accepted');
  const news = juliet.news();
  const [request, ...others] = news.filter((xml) => xml.startsWith('> <authenticate'));
  expect(others).toEqual([]);
  return { request: request!, success: news.at(-1)! };
}

/** Every `<authenticate/>` that the server was shown so far. */
function shown(): string[] {
  const log = readFileSync(join(server.folder, 'output.log'), 'utf8');
  return [...log.matchAll(/was shown (<authenticate .*)$/gm)].map(([, xml]) => xml!);
}

const ownId = 'd4565fa7-4d72-4749-b3d3-740edbf87770';

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
      const before = shown().length;
      const proxy = await openProxy({ policy });
      const link = await openLink(mode === 'websocket' ? proxy.proxy.httpPort! : proxy[mode]);
      closing.push(() => link.close());
      const juliet = await logIn(link, mode);
      const first = await authenticated(juliet);
      expect(first.request).toContain('mechanism="SCRAM-SHA-1"');
      expect(first.success).toMatch(/<bound .*<enabled .*<token /);
      await talk(juliet, 'Wherefore art thou?');

      link.cut();
      const second = await authenticated(juliet);
      expect(second.request).toContain('mechanism="HT-SHA-256-NONE"');
      expect(second.success).toContain('<resumed');
      await talk(juliet, 'A thousand times good night!');
      expect(juliet.bound).toHaveLength(1);

      juliet.beginAnew();
      const third = await authenticated(juliet);
      expect(third.request).toContain('mechanism="HT-SHA-256-NONE"');
      expect(third.success).toMatch(/<bound .*<enabled /);
      await juliet.until(() => juliet.bound.length === 2, 'log in again');
      await talk(juliet, 'Good pilgrim');

      const agents = shown().slice(before).map((xml) => /<user-agent.*<\/user-agent>/.exec(xml)![0].replaceAll('"', "'")); // prettier-ignore
      expect(agents).toHaveLength(3);
      // One installation has one identifier, or its tokens would not be its own.
      expect(new Set(agents).size).toBe(1);
      const [, id, software, device] = /id='([0-9a-f-]{36})'.*<software[^>]*>(.*)<\/software><device[^>]*>(.*)<\/device>/.exec(agents[0]!)!; // prettier-ignore
      const own = [ownId, 'Chirper 4.2', 'Phone of Juliet'];
      if (policy === 'passthrough') expect([id, software, device]).toEqual(own);
      else {
        expect([software, device]).toEqual(['Narthex', 'Device']);
        expect(id).not.toBe(ownId);
        expect(juliet.bound[0]).toMatch(/\/device/);
      }
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
      await authenticated(juliet);
      await talk(juliet, 'Wherefore art thou?');

      link.aim(other.direct);
      link.cut();
      const { request, success } = await authenticated(juliet);
      expect(request).toContain('mechanism="HT-SHA-256-NONE"');
      expect(success).toContain('<resumed');
      await talk(juliet, 'A thousand times good night!');
      expect(juliet.bound).toHaveLength(1);
    },
    slowMs,
  );
});
