/** A web client: strophe.js in Debian's Chromium over WebSocket. It logs in, sends and receives, and resumes its stream
 *  through a rolling restart of two replicas that share state. Pages of other origins are refused. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loginTo, type PeerClient } from '../peers/client.ts';
import { xmppJsClient } from '../peers/clients.ts';
import { programs } from '../peers/programs.ts';
import { startRedis, type RedisPeer } from '../peers/redis.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { prosody } from '../peers/servers.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { eventually, retried } from '../support/wait.ts';

/** A browser starts slowly where processors are shared. */
const slowMs = 300_000;

const strophe = readFileSync(
  new URL('../../node_modules/strophe.js/dist/strophe.umd.min.js', import.meta.url),
  'utf8',
);

/** Runs in the page: a client that connects again whenever its connection is lost, as web clients do. */
const client = `
  window.bodies = []; window.statuses = []; window.resumed = 0;
  window.start = (url, jid, password) => {
    const connection = new Strophe.Connection(url, { enableStreamManagement: true });
    const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, value]) => [value, name]));
    // Each message of the WebSocket is a document.
    connection.rawInput = (text) => {
      const body = new DOMParser().parseFromString(text, 'text/xml').querySelector('message > body');
      if (body !== null) bodies.push(body.textContent);
    };
    const connectAgain = () => connection.connect(jid, password, changed);
    const changed = (status) => {
      statuses.push(names[status]);
      if (status === Strophe.Status.CONNECTED) {
        if (connection.hasResumed()) { resumed += 1; return; }
        connection.send($pres());
      }
      if (status === Strophe.Status.DISCONNECTED) setTimeout(connectAgain, 200);
    };
    connectAgain();
    window.connection = connection;
    window.say = (to, body) => connection.send($msg({ to, type: 'chat' }).c('body').t(body));
  };
`;

/** A port whose connections go to the replica that is chosen when they come. */
interface Switch {
  readonly port: number;
  target: number;
  close(): void;
}

async function openSwitch(target: number): Promise<Switch> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: opened.target, noDelay: true });
    sockets.add(near).add(far);
    near
      .on('error', () => far.destroy())
      .on('close', () => far.destroy())
      .pipe(far);
    far
      .on('error', () => near.destroy())
      .on('close', () => near.destroy())
      .pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const opened: Switch = {
    port: (server.address() as AddressInfo).port,
    target,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return opened;
}

describeWithPeers(['chromium', 'prosody', 'redis'], 'a web client', () => {
  let browser: Browser;
  let server: PeerServer;
  let redis: RedisPeer;
  let pages: Server;
  let romeo: PeerClient;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const proxies: TestProxy[] = [];
  let balancer: Switch;
  let pageUrl: string;

  beforeAll(async () => {
    server = await prosody.start();
    redis = await startRedis();
    folder = await temporaryFolder();
    const key = await folder.write('state.key', Buffer.alloc(32, 7).toString('latin1'));
    pages = createHttpServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>A web client</title>');
    });
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    pageUrl = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    const { certificates, domain, ports } = server;
    for (let replica = 0; replica < 2; replica += 1)
      proxies.push(
        await startTestProxy({
          domain,
          gatekeeper: { port: ports.direct, tls: 'direct' },
          certificate: certificates.chain,
          key: certificates.key,
          ca: certificates.authority,
          policy: 'balanced',
          keyFiles: [key],
          state: { keyFiles: [key], redis: { ...redis.section, timeoutMs: 5_000 } },
          http: { publicUrl: `https://${domain}`, websocket: { origins: [pageUrl] } },
        }),
      );
    balancer = await openSwitch(proxies[0]!.proxy.httpPort!);
    romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls'));
    browser = await chromium.launch({
      executablePath: programs.chromium,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
      timeout: slowMs,
    });
  }, slowMs);
  afterAll(async () => {
    await browser?.close();
    await romeo?.close();
    balancer?.close();
    for (const proxy of proxies) await proxy.close().catch(() => {});
    pages?.close();
    await redis?.close();
    await server?.close();
    await folder?.[Symbol.asyncDispose]();
  }, slowMs);

  async function open(url: string): Promise<Page> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(url, { timeout: slowMs });
    return page;
  }

  it(
    'logs in, sends and receives, and resumes its stream through a rolling restart',
    async () => {
      const page = await open(pageUrl);
      await page.addScriptTag({ content: strophe });
      await page.addScriptTag({ content: client });
      const jid = `juliet@${server.domain}`;
      const bodies = (): Promise<string[]> => page.evaluate('bodies');
      const heard = (body: string): Promise<void> =>
        retried(60_000, async () => expect(await bodies()).toContain(body));
      const url = `wss://${server.domain}:${balancer.port}/xmpp-websocket`;
      const args = JSON.stringify([url, jid, server.accounts['juliet']]);
      await page.evaluate(`start(...${args})`);
      await retried(60_000, async () => expect(await page.evaluate('statuses')).toContain('CONNECTED'));
      romeo.send(jid, 'Grüße 👋');
      await heard('Grüße 👋');
      await page.evaluate(`say(${JSON.stringify(romeo.jid)}, 'from a page')`);
      expect(await romeo.receive(60_000)).toMatchObject({ body: 'from a page' });

      // The first replica stops; new connections go to the second.
      balancer.target = proxies[1]!.proxy.httpPort!;
      const stopping = proxies[0]!.proxy.close(2_000);
      await eventually(() => proxies[0]!.closed.includes('ERR_SHUTDOWN'));
      for (let at = 0; at < 5; at += 1) romeo.send(jid, `while away ${at}`);
      await stopping;
      await heard('while away 4').catch(async (error: unknown) => {
        throw new Error(`statuses ${String(await page.evaluate('statuses'))}`, { cause: error });
      });
      expect(await page.evaluate('resumed')).toBe(1);
      const all = await bodies();
      expect(all.filter((body) => body.startsWith('while away'))).toEqual(
        Array.from({ length: 5 }, (_, at) => `while away ${at}`),
      );
      await page.evaluate(`say(${JSON.stringify(romeo.jid)}, 'back again')`);
      expect(await romeo.receive(60_000)).toMatchObject({ body: 'back again' });
      expect(proxies[1]!.proxy.streams.sessions).toBe(1);
      await page.context().close();
    },
    slowMs,
  );

  it(
    'of another origin is refused',
    async () => {
      const page = await open(pageUrl.replace('127.0.0.1', 'localhost'));
      const url = `wss://${server.domain}:${balancer.port}/xmpp-websocket`;
      const opened = await page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(url)}, 'xmpp');
        socket.onopen = () => resolve('opened');
        socket.onerror = () => resolve('refused');
      })`);
      expect(opened).toBe('refused');
      await page.context().close();
    },
    slowMs,
  );
});
