/** A proxy that drains, with sockets: how each session ends, and what goes on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { serveProcess } from '../support/serve-process.ts';
import { eventually, within } from '../support/wait.ts';
import { measureDrain } from './drain-spread.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const sm = 'urn:xmpp:sm:3';

let gatekeeper: RawGatekeeper;
let proxy: TestProxy;
/** What the gatekeeper has read of each connection, and whether it has ended. */
let connections: { heard: string; ended: boolean }[];

beforeEach(async () => {
  connections = [];
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    const connection = { heard: '', ended: false };
    const number = connections.push(connection);
    socket.on('end', () => {
      connection.ended = true;
      socket.end();
    });
    socket.on('data', (chunk: Buffer) => {
      connection.heard += chunk.toString();
      if (connection.heard.endsWith(`resume='true'/>`))
        socket.write(`<enabled xmlns='${sm}' id='sm-${number}' resume='true'/>`);
      else if (connection.heard.endsWith("id='echo'/>")) socket.write("<presence id='echo'/>");
    });
  });
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    timeouts: { drainMs: 60_000, drainSpreadMs: 0 },
  });
});

afterEach(async () => {
  await proxy.close();
  gatekeeper.close();
});

async function logIn({ managed }: { readonly managed: boolean }): Promise<RawClient> {
  const client = await logInRaw(proxy.direct, authority.certificate);
  if (!managed) return client;
  client.socket.write(`<enable xmlns='${sm}' resume='true'/>`);
  await client.until('<enabled ');
  client.forget();
  return client;
}

async function logInAll(count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index += 1) clients.push(await logIn({ managed: index % 2 === 0 }));
  return clients;
}

const isOpen = (client: RawClient): boolean => !client.socket.destroyed && !client.socket.readableEnded;

describe('a part of the sessions that ends', () => {
  it('ends silently where its stream can be resumed, and with a closing tag where not', async () => {
    const [managed, plain] = (await logInAll(2)) as [RawClient, RawClient];
    expect(proxy.proxy.streams.shed(1)).toBe(2);
    await Promise.all([managed.closed, plain.closed]);
    await eventually(() => connections.every(({ ended }) => ended));
    expect(managed.received()).toBe('');
    expect(plain.received()).toContain('<system-shutdown ');
    expect(connections.map(({ heard }) => heard.endsWith('</stream:stream>'))).toEqual([false, true]);
  });

  it('is no larger than its share; the others go on, and new ones are welcome', async () => {
    const clients = await logInAll(10);
    expect(proxy.proxy.streams.shed(0.25)).toBe(3);
    await eventually(() => proxy.closed.length === 3);
    expect(proxy.closed).toEqual(['ERR_SHUTDOWN', 'ERR_SHUTDOWN', 'ERR_SHUTDOWN']);
    const open = clients.filter(isOpen);
    for (const client of [...open, await logIn({ managed: true })]) {
      client.socket.write("<presence id='echo'/>");
      await client.until("<presence id='echo'/>");
    }
    expect(open).toHaveLength(7);
    expect(proxy.proxy.streams.sessions).toBe(8);
  });

  it('may be resumed at the same process, with the right counts', async () => {
    const client = await logIn({ managed: true });
    client.socket.write("<presence id='one'/>");
    await eventually(() => connections[0]!.heard.includes("id='one'"));
    expect(proxy.proxy.streams.shed(0.001)).toBe(1);
    await client.closed;
    const again = await logIn({ managed: false });
    again.socket.write(`<resume xmlns='${sm}' previd='sm-1' h='0'/>`);
    await eventually(() => connections[1]!.heard.includes('<resume '));
    expect(connections[1]!.heard).toContain("h='0'");
  });

  it('is none of no session', () => {
    expect(proxy.proxy.streams.shed(1)).toBe(0);
  });
});

describe('a process that stops', () => {
  it('ends every session, also those of a part that was ending slowly', async () => {
    const clients = await logInAll(6);
    await proxy.proxy.close(60_000);
    await Promise.all(clients.map(({ closed }) => closed));
    expect(proxy.closed).toHaveLength(6);
  });

  it('exits with 0 after each of its sessions has ended with system-shutdown', async () => {
    const sessions = 30;
    const { ends, conditions, exitCode } = await measureDrain({
      sessions,
      drainMs: 4_000,
      drainSpreadMs: 2_000,
    });
    expect([ends.length, exitCode]).toEqual([sessions, 0]);
    expect(new Set(conditions)).toEqual(new Set(['system-shutdown']));
  });

  it('exits although something outside of the proxy would keep it', async () => {
    const forever = 'data:text/javascript,setInterval(()=>{},1000)';
    const { child, log, stop } = await serveProcess({ config: {}, node: ['--import', forever] });
    try {
      expect(await within(30_000, 'the exit', stop())).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
    expect(log.at(-1)!['event']).toBe('proxy.stopped');
  });
});
