/** Real clients that show the proxy a token, and a gatekeeper that the proxy shows it to. */
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/clock.ts';
import { createObserver } from '../../src/app/telemetry/observer.ts';
import { FileStates } from '../../src/observability/file-states.ts';
import { SessionGauge } from '../../src/observability/session-gauge.ts';
import { version } from '../../src/observability/identifiers.ts';
import { openLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { openTracing } from '../../src/observability/tracing.ts';
import type { PeerClient } from '../peers/client.ts';
import { clients, type ClientKind } from '../peers/clients.ts';
import { profileText } from '../capabilities/shipped.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { describeWithPeers } from '../peers/require.ts';
import { startSasl2Gatekeeper, type Sasl2Gatekeeper } from './sasl2-gatekeeper.ts';
import { startTokenParties, type TokenParties } from './token-parties.ts';

/** Clients without a token mechanism send the token as their password, by PLAIN. */
type Way = 'OAUTHBEARER' | 'PLAIN';

/** The test programs of these two teach their libraries OAUTHBEARER. */
const bearers = ['@xmpp/client', 'slixmpp'];

let parties: TokenParties;
let online: PeerClient[] = [];

beforeAll(async () => {
  parties = await startTokenParties();
});
afterEach(async () => {
  await Promise.all(online.map((client) => client.close()));
  online = [];
  parties.records.length = 0;
});
afterAll(() => parties.close());

async function logIn(
  kind: ClientKind,
  way: Way,
  user: string,
  { token, over = parties }: { token?: string; over?: TokenParties } = {},
): Promise<PeerClient> {
  const shown = token ?? (await over.token(`${user}@localhost`));
  const client = await kind.logIn({
    user,
    domain: 'localhost',
    host: '127.0.0.1',
    port: over.proxy.starttls,
    mode: 'starttls',
    authority: over.ca,
    password: shown,
    ...(way === 'OAUTHBEARER' ? { token: shown } : {}),
  });
  online.push(client);
  return client;
}

/** What the gatekeeper was shown: mechanism and message. */
function shown(): string[] {
  return parties.records.flatMap(({ direction, xml }) => {
    const [, mechanism, message] = /<auth [^>]*mechanism='([^']+)'[^>]*>([^<]*)</.exec(xml) ?? [];
    if (direction !== 'received' || message === undefined) return [];
    return [`${mechanism} ${readable(message)}`];
  });
}

function readable(message: string): string {
  return Buffer.from(message, 'base64').toString().replaceAll('\x01', '^A');
}

for (const kind of clients) {
  const ways: readonly Way[] = bearers.includes(kind.name) ? ['OAUTHBEARER', 'PLAIN'] : ['PLAIN'];
  describeWithPeers(kind.needs, kind.name, () => {
    it.each(ways)('talks once its token is verified, by %s', async (way) => {
      const juliet = await logIn(kind, way, 'juliet');
      const romeo = await logIn(clients[0], 'OAUTHBEARER', 'romeo');
      juliet.send(romeo.jid, 'O Romeo, Romeo!');
      expect((await romeo.receive()).body.trim()).toBe('O Romeo, Romeo!');
      // One of them logs in anew for each message.
      const messages = shown().map((message) => message.replace(/Bearer [^^]+/, 'Bearer …'));
      expect([...new Set(messages)]).toEqual(['OAUTHBEARER n,,^Aauth=Bearer …^A^A']);
    });
  });
}

describe('@xmpp/client', () => {
  const [client] = clients;

  it.each<[string, Way, (over: TokenParties) => Promise<string>]>([
    ['an unsigned token', 'OAUTHBEARER', async () => 'not.a.token'],
    ['an unsigned token', 'PLAIN', async () => 'not.a.token'],
    ['an expired one', 'OAUTHBEARER', (over) => over.token('juliet@localhost', -60)],
    ['another user’s, as its own', 'PLAIN', (over) => over.token('romeo@localhost')],
  ])(
    'receives not-authorized when it shows %s by %s, and the gatekeeper receives nothing',
    async (_, way, make) => {
      const token = await make(parties);
      await expect(logIn(client, way, 'juliet', { token })).rejects.toThrow(/not-authorized/);
      expect(shown()).toEqual([]);
    },
  );

  it('receives temporary-auth-failure while the keys of the provider cannot be had', async () => {
    const over = await startTokenParties();
    try {
      over.hideKeys();
      const refused = logIn(client, 'OAUTHBEARER', 'juliet', { over });
      await expect(refused).rejects.toThrow(/temporary-auth-failure/);
    } finally {
      await over.close();
    }
  });
});

describe('a verification that takes too long', () => {
  it('is bounded by the time there is for authentication', async () => {
    const over = await startTokenParties({ timeouts: { preAuthMs: 1_000 } });
    try {
      over.holdKeys();
      const refused = logIn(clients[0], 'OAUTHBEARER', 'juliet', { over });
      await expect(refused).rejects.toThrow(/connection-timeout/);
      expect(over.proxy.closed).toEqual(['ERR_PRE_AUTH_TIMEOUT']);
    } finally {
      await over.close();
    }
  });
});

describe('SASL 2', () => {
  it.each<Way>(['OAUTHBEARER', 'PLAIN'])('binds inline, by %s: one exchange, no restart', async (way) => {
    const { promise, resolve } = Promise.withResolvers<Sasl2Gatekeeper>();
    const over = await startTokenParties({
      async otherGatekeeper({ certificate, key }) {
        const gatekeeper = await startSasl2Gatekeeper(certificate, key);
        resolve(gatekeeper);
        return gatekeeper;
      },
    });
    try {
      const juliet = await logIn(clients[0], way, 'juliet', { over });
      const [request] = (await promise).requests;
      const [, message] = /<initial-response[^>]*>([^<]+)</.exec(request!)!;
      expect(request).toContain('mechanism="OAUTHBEARER"');
      expect(readable(message!)).toMatch(/^n,,\^Aauth=Bearer [\w.-]+\^A\^A$/);
      expect(request).toMatch(/<bind xmlns="urn:xmpp:bind:0"/);
      expect(request).not.toContain('urn:xmpp:fast:0');
      await juliet.close();
      online = [];
      expect(over.proxy.closed).toEqual(['client-closed']);
    } finally {
      await over.close();
    }
  });
});

describe('the policy', () => {
  it('holds for the authentication that the proxy repeats: nothing of the device, the tag of every client', async () => {
    const { promise, resolve } = Promise.withResolvers<Sasl2Gatekeeper>();
    const over = await startTokenParties({
      async otherGatekeeper({ certificate, key }) {
        const gatekeeper = await startSasl2Gatekeeper(certificate, key);
        resolve(gatekeeper);
        return gatekeeper;
      },
    });
    const message = Buffer.from(`\0juliet\0${await over.token('juliet@localhost')}`).toString('base64');
    const agent = 'd4565fa7-4d72-4749-b3d3-740edbf87770';
    const socket = connect({
      host: '127.0.0.1',
      port: over.proxy.direct,
      ca: over.ca,
      servername: 'localhost',
    });
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    try {
      socket.write(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
      );
      await expect.poll(() => heard).toContain('</stream:features>');
      socket.write(
        `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>${message}</initial-response>` +
          `<user-agent id='${agent}'><software>Dino</software><device>Juliet's phone</device></user-agent>` +
          `<bind xmlns='urn:xmpp:bind:0'><tag>Dino.1</tag></bind></authenticate>`,
      );
      await expect.poll(() => heard).toContain('<success');
      const [request] = (await promise).requests;
      expect(request).toContain('>Narthex</software>');
      for (const own of [agent, 'Dino', 'Juliet', message]) expect(request).not.toContain(own);
    } finally {
      socket.destroy();
      await over.close();
    }
  });
});

describe('with OAUTHBEARER passing through', () => {
  it('the gatekeeper refuses, and both complete the exchange (RFC 7628 §3.2.3)', async () => {
    const over = await startTokenParties({ channelBinding: 'gatekeeper-without-plus' });
    try {
      await logIn(clients[0], 'OAUTHBEARER', 'juliet', { over });
      const refused = logIn(clients[0], 'OAUTHBEARER', 'romeo', { over, token: 'not.a.token' });
      await expect(refused).rejects.toThrow(/not-authorized/);
      const said = over.records
        .map(({ xml }) => xml)
        .filter((xml) => /<(?:challenge|response|failure)/.test(xml));
      expect(said.map((xml) => /^<([a-z]+)/.exec(xml)![1])).toEqual(['challenge', 'response', 'failure']);
      expect(Buffer.from(/>([^<]+)</.exec(said[1]!)![1]!, 'base64').toString()).toBe('\x01');
    } finally {
      await Promise.all(online.map((client) => client.close()));
      online = [];
      await over.close();
    }
  });
});

describe('a claim of the token', () => {
  it.each(clients.filter(({ name }) => bearers.includes(name)))(
    'chooses the capability profile of $name',
    async (kind) => {
      await using folder = await temporaryFolder();
      const profiles = [
        await folder.write('plain.yaml', profileText('name: plain', 'node: https://caps.example/plain')),
        await folder.write(
          'gold.yaml',
          profileText('name: gold', 'node: https://caps.example/gold', 'match: { claim: { plan: gold } }'),
        ),
      ];
      const contentKinds = new URL('../../policies/content-kinds.yaml', import.meta.url).pathname;
      const over = await startTokenParties({ capabilities: { contentKinds, profiles } });
      try {
        for (const [user, claims] of [
          ['juliet', { plan: 'gold' }],
          ['romeo', { plan: 'lead' }],
        ] as const)
          await logIn(kind, 'OAUTHBEARER', user, {
            over,
            token: await over.token(`${user}@localhost`, undefined, claims),
          });
        const advertised = (): string[] =>
          over.records.flatMap(({ direction, xml }) =>
            direction === 'received' && xml.startsWith('<presence')
              ? [/ node='https:\/\/caps\.example\/([a-z]+)'/.exec(xml)![1]!]
              : [],
          );
        await expect.poll(advertised).toEqual(['gold', 'plain']);
      } finally {
        await Promise.all(online.map((client) => client.close()));
        online = [];
        await over.close();
      }
    },
  );
});

describe('the operator', () => {
  it('receives the outcome, and nothing of the token', async () => {
    let log = '';
    const metrics = createMetrics({ version: '1', processMetrics: false });
    const observer = createObserver({
      version: version('1.0.0'),
      log: openLog({
        level: 'debug',
        now: () => Date.now(),
        destination: { write: (line) => (log += line) },
      }),
      metrics,
      tracing: await openTracing({ collector: undefined, version: '1', failed: () => {}, dropped: () => {} }),
      gauge: new SessionGauge(),
      files: new FileStates(),
      clock: systemClock,
    });
    const over = await startTokenParties({ observer });
    const forged = (await over.token('romeo@localhost')).replace(/.{8}$/, 'AAAAAAAA');
    const good = await over.token('juliet@localhost');
    try {
      const juliet = await logIn(clients[0], 'PLAIN', 'juliet', { over, token: good });
      await expect(logIn(clients[0], 'PLAIN', 'romeo', { over, token: forged })).rejects.toThrow(
        'not-authorized',
      );
      await juliet.close();
      online = [];
    } finally {
      await over.close();
    }
    const told = `${log}${await metrics.text()}`;
    expect(log).toMatch(/"event":"session.reauthenticated","gatekeeper":"test","outcome":"ok"}/);
    expect(log).toMatch(/"outcome":"token","token":"ERR_TOKEN_SIGNATURE"}/);
    expect(told).toContain('narthex_reauthentications_total{gatekeeper="test",outcome="token"} 1');
    for (const secret of [...good.split('.'), ...forged.split('.'), 'juliet', 'romeo'])
      expect(told).not.toContain(secret);
  });
});

describe('a gatekeeper without OAUTHBEARER', () => {
  it('ends the session with a code, before the client sends a secret', async () => {
    const over = await startTokenParties({}, { takesTokens: false });
    try {
      await expect(logIn(clients[0], 'PLAIN', 'juliet', { over })).rejects.toThrow(
        /remote-connection-failed/,
      );
      expect(over.proxy.closed).toEqual(['ERR_REAUTHENTICATION_OFFER']);
    } finally {
      await over.close();
    }
  });
});
