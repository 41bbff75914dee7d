/**
 * Every client with every server, over STARTTLS and over direct TLS: juliet is the client under test and connects to
 * the endpoint under test; romeo connects straight to the server, so that exactly one path is in question.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loginTo, type Login, type PeerClient } from '../peers/client.ts';
import { clients, xmppJsClient, type ClientKind } from '../peers/clients.ts';
import { offeredMechanisms, type TlsMode } from '../peers/probe.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { servers, type ServerKind } from '../peers/servers.ts';
import type { Endpoint, EndpointFactory } from './endpoint.ts';

/** The whole matrix as tests. `title` says what the endpoint is. */
export function interop(title: string, openEndpoint: EndpointFactory): void {
  describe(title, () => {
    for (const serverKind of servers) {
      for (const authentication of ['scram', 'plain'] as const) {
        const kinds = clients.filter((client) => client.authentication === authentication);
        describeServer(serverKind, authentication, kinds, openEndpoint);
      }
    }
  });
}

interface Stage {
  readonly server: PeerServer;
  readonly endpoint: Endpoint;
  readonly romeo: PeerClient;
}

function describeServer(
  serverKind: ServerKind,
  authentication: ClientKind['authentication'],
  kinds: readonly ClientKind[],
  openEndpoint: EndpointFactory,
): void {
  describeWithPeers(serverKind.needs, `${serverKind.name}, ${authentication}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await setStage(serverKind, authentication, openEndpoint);
    });
    afterAll(() => clearStage(stage));

    for (const mode of ['starttls', 'direct'] as const) {
      it(`offers the expected mechanisms over ${mode}`, async () => {
        const mechanisms = await offeredMechanisms(loginAt(stage, mode));
        expect(mechanisms).toEqual(expect.arrayContaining(['SCRAM-SHA-1', 'SCRAM-SHA-256']));
        expect(mechanisms.filter((name) => name.endsWith('-PLUS'))).toEqual([]);
        // Where nothing else is on offer, to be logged in is to have used SCRAM.
        const others = mechanisms.filter((name) => !name.startsWith('SCRAM-'));
        expect(others).toEqual(authentication === 'plain' ? ['PLAIN'] : []);
      });
      for (const kind of kinds) describeClient(kind, mode, () => stage);
    }
  });
}

async function setStage(
  serverKind: ServerKind,
  authentication: ClientKind['authentication'],
  openEndpoint: EndpointFactory,
): Promise<Stage> {
  const server = await serverKind.start({ plain: authentication === 'plain' });
  return {
    server,
    endpoint: await openEndpoint(server),
    romeo: await xmppJsClient.logIn(loginTo(server, 'romeo', 'starttls')),
  };
}

async function clearStage(stage: Stage | undefined): Promise<void> {
  await stage?.romeo.close();
  await stage?.endpoint.close();
  await stage?.server.close();
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

function loginAt({ server, endpoint }: Stage, mode: TlsMode): Login {
  return { ...loginTo(server, 'juliet', mode), port: endpoint[mode] };
}
