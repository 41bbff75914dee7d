/** Every client with every server, over STARTTLS and over direct TLS. Juliet is the client under test, and connects to
 *  the endpoint under test; Romeo connects straight to the server, so that only one path is tested.
 *
 *  A client comes to each endpoint over one of the two, and over the other with the next server: each pair of client,
 *  server, endpoint and way of TLS occurs. NARTHEX_MATRIX=whole (`npm run long -- matrix`) adds the other half. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loginTo, type Login, type PeerClient } from '../peers/client.ts';
import { clients, xmppJsClient, type ClientKind } from '../peers/clients.ts';
import { offeredMechanisms, type TlsMode } from '../peers/probe.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { servers, type ServerKind } from '../peers/servers.ts';
import { startTestProxy } from '../support/proxy.ts';

/** Loopback ports by the way TLS is reached. Both present the server's own certificate. */
interface Endpoint {
  readonly starttls: number;
  readonly direct: number;
  close(): Promise<void>;
}

type EndpointFactory = (server: PeerServer) => Promise<Endpoint>;

/** What juliet connects to: the server itself, as a baseline, or the proxy before it. */
const endpoints: Readonly<Record<string, EndpointFactory>> = {
  'straight to the server': async ({ ports }) => ({ ...ports, close: async () => {} }),
  'through the proxy, starttls to the server': throughProxy('starttls'),
  'through the proxy, direct to the server': throughProxy('direct'),
};

function throughProxy(tls: TlsMode): EndpointFactory {
  return (server) =>
    startTestProxy({
      domain: server.domain,
      gatekeeper: { port: server.ports[tls], tls },
      certificate: server.certificates.chain,
      key: server.certificates.key,
      ca: server.certificates.authority,
      // What ships as the default must not break what real clients do here.
      policy: 'balanced',
    });
}

const modes = ['starttls', 'direct'] as const;
const whole = process.env['NARTHEX_MATRIX'] === 'whole';

/** Whether this combination is of the half that is always run. Numbers are positions in their lists. */
function isSampled(server: number, endpoint: number, client: number, mode: number): boolean {
  return whole || (server + endpoint + client + mode) % 2 === 0;
}

for (const [at, serverKind] of servers.entries())
  for (const authentication of ['scram', 'plain'] as const) describeServer(serverKind, at, authentication);

interface Stage {
  readonly server: PeerServer;
  readonly endpoint: Endpoint;
  readonly romeo: PeerClient;
}

/** Starts a server once, and tests every endpoint with it. Servers are tested side by side: much of it is waiting. */
function describeServer(
  serverKind: ServerKind,
  serverAt: number,
  authentication: ClientKind['authentication'],
): void {
  const name = `${serverKind.name}, ${authentication}`;
  const tests = (): void => {
    let server: PeerServer;
    beforeAll(async () => {
      server = await serverKind.start({ plain: authentication === 'plain' });
    });
    afterAll(() => server?.close());

    for (const [endpointAt, [endpoint, openEndpoint]] of Object.entries(endpoints).entries())
      describe(endpoint, { concurrent: false }, () => {
        let stage: Stage;
        beforeAll(async () => {
          const romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls'));
          stage = { server, romeo, endpoint: await openEndpoint(server) };
        });
        afterAll(async () => {
          await stage?.romeo.close();
          await stage?.endpoint.close();
        });
        describeEndpoint(
          authentication,
          (client, mode) => isSampled(serverAt, endpointAt, client, mode),
          () => stage,
        );
      });
  };
  describeWithPeers(serverKind.needs, name, tests, { concurrent: true });
}

function describeEndpoint(
  authentication: ClientKind['authentication'],
  isWanted: (client: number, mode: number) => boolean,
  stage: () => Stage,
): void {
  for (const [modeAt, mode] of modes.entries()) {
    it(`offers the expected mechanisms over ${mode}`, async () => {
      const mechanisms = await offeredMechanisms(loginAt(stage(), mode));
      expect(mechanisms).toEqual(expect.arrayContaining(['SCRAM-SHA-1', 'SCRAM-SHA-256']));
      expect(mechanisms.filter((name) => name.endsWith('-PLUS'))).toEqual([]);
      // Where nothing else is on offer, a client that is logged in has used SCRAM.
      const others = mechanisms.filter((name) => !name.startsWith('SCRAM-'));
      expect(others).toEqual(authentication === 'plain' ? ['PLAIN'] : []);
    });
    for (const [clientAt, kind] of clients.entries())
      if (kind.authentication === authentication && isWanted(clientAt, modeAt))
        describeClient(kind, mode, stage);
  }
}

const longBodyBytes = 60_000;
const burstMessages = 200;
const burstTimeoutMs = 30_000;

function describeClient(kind: ClientKind, mode: TlsMode, stage: () => Stage): void {
  describeWithPeers(kind.needs, `${kind.name} over ${mode}`, () => {
    let juliet: PeerClient;
    let romeo: PeerClient;

    beforeAll(async () => {
      ({ romeo } = stage());
      juliet = await kind.logIn(loginAt(stage(), mode));
    });
    afterAll(() => juliet?.close());

    it('sends and receives text of every plane, and markup', async () => {
      const text = 'Rose 🌹, “by any other name” <would> smell & “as sweet” ]]> \u{10ffff}';
      juliet.send(romeo.jid, text);
      expect((await romeo.receive()).body).toBe(asSentBy(kind, text));
      romeo.send(juliet.jid, text);
      expect((await juliet.receive()).body).toBe(text);
    });

    it(`sends and receives a body of ${longBodyBytes} bytes`, async () => {
      const long = longBody();
      juliet.send(romeo.jid, long);
      expect((await romeo.receive()).body).toBe(asSentBy(kind, long));
      romeo.send(juliet.jid, long);
      expect((await juliet.receive()).body).toBe(long);
    });

    it(`sends and receives ${burstMessages} messages at once, in order`, async () => {
      for (const body of burst()) {
        juliet.send(romeo.jid, body);
        romeo.send(juliet.jid, body);
      }
      const received = await Promise.all([receiveBurst(romeo), receiveBurst(juliet)]);
      expect(received).toEqual([burst().map((body) => asSentBy(kind, body)), burst()]);
    });
  });
}

function asSentBy(kind: ClientKind, body: string): string {
  return kind.addsLineFeed ? `${body}\n` : body;
}

/** ASCII only: @xmpp/client corrupts other characters that a TLS record cuts in two. */
function longBody(): string {
  const line = 'Parting is such sweet sorrow & I shall say <good night> till it be morrow. ';
  return line
    .repeat(Math.ceil(longBodyBytes / line.length))
    .slice(0, longBodyBytes - 1)
    .padEnd(longBodyBytes, '.');
}

function burst(): string[] {
  return Array.from({ length: burstMessages }, (_, number) => `message ${number}`);
}

async function receiveBurst(client: PeerClient): Promise<string[]> {
  const bodies: string[] = [];
  while (bodies.length < burstMessages) bodies.push((await client.receive(burstTimeoutMs)).body);
  return bodies;
}

function loginAt({ server, endpoint }: Stage, mode: TlsMode): Login & { readonly mode: TlsMode } {
  return { ...loginTo(server, 'juliet', mode), mode, port: endpoint[mode] };
}
