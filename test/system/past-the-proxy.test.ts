/** Nothing that the gatekeeper sends may lead a client past the proxy (docs/past-the-proxy.md). Each test is a hint that a
 *  protocol has for it, sent over the whole proxy and under every shipped policy. A client sees the name of the other
 *  server in none of them, however the stream goes on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { send } from '../../src/simulator/http/request.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, logInRaw, streamHeader, type RawClient } from '../support/raw-client.ts';
import { negotiate, startRawServer, type RawGatekeeper, type Script } from '../support/raw-gatekeeper.ts';
import { eventually } from '../support/wait.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const sm = 'urn:xmpp:sm:3';
const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const conditions = 'urn:ietf:params:xml:ns:xmpp-streams';
/** The server that the gatekeeper would have clients connect to. */
const elsewhere = 'elsewhere.example';
const encoded = (text: string): string => Buffer.from(text).toString('base64');
/** What a client would find, were it told: the name, plain or inside a SASL message. */
const hint = /elsewhere|ZWxzZXdoZXJl|Vsc2V3aGVyZ|lbHNld2hlcm/i;
const fence = "<message from='localhost' id='fence'><body>fence</body></message>";

const gatekeeperHeader =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' id='1' version='1.0'>";
const features = (text: string): string => `<stream:features>${text}</stream:features>`;
const mechanisms = (...names: string[]): string =>
  `<mechanisms xmlns='${sasl}'>${names.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms>`;

describe.each(['passthrough', 'balanced', 'strict'])('under %s', (policy) => {
  let gatekeeper: RawGatekeeper;
  let proxy: TestProxy;
  let script: Script;

  beforeAll(async () => {
    gatekeeper = await startRawServer(pair.certificate, pair.key, (socket, tcp) => script(socket, tcp));
    proxy = await startTestProxy({
      domain: 'localhost',
      gatekeeper: { port: gatekeeper.port, tls: 'direct' },
      certificate: pair.certificate,
      key: pair.key,
      ca: authority.certificate,
      policy,
      http: { publicUrl: 'https://localhost', websocketUrl: 'wss://localhost/xmpp-websocket' },
    });
  });
  afterAll(async () => {
    await proxy.close();
    gatekeeper.close();
  });

  const logIn = (): Promise<RawClient> => logInRaw(proxy.direct, authority.certificate);
  /** Waits for the end of the session. */
  const ended = async (client: RawClient): Promise<string> => {
    const before = proxy.closed.length;
    client.socket.on('end', () => client.socket.end());
    await client.closed;
    await eventually(() => proxy.closed.length >= Math.max(1, before));
    return client.received();
  };

  describe('a stream error to another host (RFC 6120 §4.9.3.19)', () => {
    const redirect = `<stream:error><see-other-host xmlns='${conditions}'>${elsewhere}</see-other-host></stream:error></stream:stream>`;

    it.each<[string, Script]>([
      [
        'in place of features',
        (socket) => socket.once('data', () => socket.end(gatekeeperHeader + redirect)),
      ],
      [
        'in place of a challenge',
        (socket) => {
          let step = 0;
          socket.on('data', () => {
            if (step++ === 0) socket.write(gatekeeperHeader + features(mechanisms('PLAIN')));
            else socket.end(redirect);
          });
        },
      ],
    ])('ends the session %s', async (_, scripted) => {
      script = scripted;
      const client = connectRaw(proxy.direct, authority.certificate);
      client.socket.write(streamHeader());
      client.socket.write(`<auth xmlns='${sasl}' mechanism='PLAIN'>${encoded('\0a\0b')}</auth>`);
      const received = await ended(client);
      expect(received).toContain('<stream:error>');
      expect(received).not.toMatch(hint);
    });

    it('ends an established session', async () => {
      script = (socket, tcp) =>
        negotiate(socket, tcp, () => socket.once('data', () => socket.end(redirect)), '');
      const client = await logIn();
      client.socket.write("<presence xmlns='jabber:client'/>");
      const received = await ended(client);
      expect(received).toContain('remote-connection-failed');
      expect(received).not.toMatch(hint);
    });
  });

  describe('stream management (XEP-0198 §5)', () => {
    it.each([
      ['in the answer', `<enabled xmlns='${sm}' id='i' resume='true' location='${elsewhere}:5222'/>`],
      ['by another prefix', `<s:enabled xmlns:s='${sm}' id='i' resume='true' location='[2001:db8::1]:5222' s:location='${elsewhere}'/>`],
    ])('names no other place to resume at, %s', async (_, answer) => {
      script = (socket, tcp) => negotiate(socket, tcp, () => socket.once('data', () => socket.write(answer + fence)), `<sm xmlns='${sm}'/>`);
      const client = await logIn();
      client.socket.write(`<enable xmlns='${sm}' resume='true'/>`);
      await client.until('fence');
      expect(client.received()).toContain('enabled');
      expect(client.received()).not.toMatch(/location='/);
      client.socket.destroy();
    }); // prettier-ignore

    it('names none inside SASL 2 and Bind 2 (XEP-0388, XEP-0386)', async () => {
      const bound = `<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='${sm}' id='i' resume='true' location='${elsewhere}'/></bound>`;
      script = (socket) => {
        let step = 0;
        socket.on('data', () => {
          if (step++ === 0)
            socket.write(
              `${gatekeeperHeader}${features(`<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism><inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='${sm}'/></inline></bind></inline></authentication>`)}`,
            );
          else
            socket.write(
              `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>a@localhost/r</authorization-identifier>${bound}</success>${features('')}${fence}`,
            );
        });
      };
      const client = connectRaw(proxy.direct, authority.certificate);
      client.socket.write(streamHeader());
      await client.until('</stream:features>');
      client.socket.write(
        `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>${encoded('\0a\0b')}</initial-response><bind xmlns='urn:xmpp:bind:0'><enable xmlns='${sm}' resume='true'/></bind></authenticate>`,
      );
      await client.until('fence');
      expect(client.received()).toContain('<enabled');
      expect(client.received()).not.toMatch(hint);
      client.socket.destroy();
    });
  });

  it('the framing of WebSockets, which has a redirect of its own (RFC 7395 §3.6.1), ends the session', async () => {
    const close = `<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://${elsewhere}/xmpp'/>`;
    script = (socket, tcp) =>
      negotiate(socket, tcp, () => socket.once('data', () => socket.write(close)), '');
    const client = await logIn();
    client.socket.write("<presence xmlns='jabber:client'/>");
    const received = await ended(client);
    expect(received).toContain('remote-connection-failed');
    expect(received).not.toMatch(hint);
  });

  it.each(['host-meta', 'host-meta.json'])('%s names the own WebSocket (XEP-0156), whatever the gatekeeper has there', async (file) => {
    const connections = gatekeeper.connections.length;
    const url = `https://localhost:${proxy.proxy.httpPort}/.well-known/${file}`;
    const { answer } = await send({ method: 'GET', url, headers: [] }, { ca: authority.certificate });
    expect(answer.body.toString().match(/wss?:[^"]*/g)).toEqual(['wss://localhost/xmpp-websocket']);
    expect(gatekeeper.connections.length).toBe(connections);
  }); // prettier-ignore

  describe('registration (XEP-0077)', () => {
    it('is not offered before authentication, where none is relayed', async () => {
      const register = "<register xmlns='http://jabber.org/features/iq-register'/>";
      const invited = "<register xmlns='urn:xmpp:invite'/><register xmlns='urn:xmpp:ibr-token:0'/>";
      script = (socket) =>
        void socket.once('data', () => socket.write(gatekeeperHeader + features(mechanisms('PLAIN') + register + invited)));
      const client = connectRaw(proxy.direct, authority.certificate);
      client.socket.write(streamHeader());
      await client.until('</stream:features>');
      expect(client.received()).toContain('PLAIN');
      expect(client.received()).not.toContain('<register');
      client.socket.destroy();
    }); // prettier-ignore

    it.each([
      ['a page', `<x xmlns='jabber:x:oob'><url>https://${elsewhere}/register</url></x>`],
      ['a page by another prefix', `<o:x xmlns:o='jabber:x:oob'><o:url>https://${elsewhere}/register</o:url></o:x>`],
    ])('does not lead to %s of the gatekeeper', async (_, redirect) => {
      const query = `<query xmlns='jabber:iq:register'><registered/><username>a</username>${redirect}</query>`;
      script = (socket, tcp) =>
        negotiate(socket, tcp, () => socket.once('data', () => socket.write(`<iq type='result' id='r1' from='localhost'>${query}</iq>${fence}`)), '');
      const client = await logIn();
      client.socket.write("<iq xmlns='jabber:client' type='get' id='r1'><query xmlns='jabber:iq:register'/></iq>");
      await client.until('fence');
      expect(client.received()).toContain("id='r1'");
      expect(client.received()).not.toMatch(hint);
      client.socket.destroy();
    }); // prettier-ignore
  });

  /** Relays of media and files are hints that the policy decides about: without them calls need a direct way. */
  it.each([
    ['external services (XEP-0215)', 'urn:xmpp:extdisco:2', (ns: string) => `<services xmlns='${ns}'><service type='turn' host='${elsewhere}' port='3478' transport='udp' username='u' password='p'/></services>`, ['passthrough', 'balanced']],
    ['credentials of one (XEP-0215 §3.3)', 'urn:xmpp:extdisco:2', (ns: string) => `<credentials xmlns='${ns}'><service type='turn' host='${elsewhere}' username='u' password='p'/></credentials>`, ['passthrough', 'balanced']],
    ['external services of an older version', 'urn:xmpp:extdisco:1', (ns: string) => `<services xmlns='${ns}'><service type='turn' host='${elsewhere}'/></services>`, ['passthrough']],
    ['a proxy for files (XEP-0065)', 'http://jabber.org/protocol/bytestreams', (ns: string) => `<query xmlns='${ns}'><streamhost host='${elsewhere}' port='1080' jid='proxy.localhost'/></query>`, ['passthrough', 'balanced']],
    ['a proxy for files in a session (XEP-0260)', 'urn:xmpp:jingle:transports:s5b:1', (ns: string) => `<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s1'><content creator='initiator' name='f'><transport xmlns='${ns}' sid='t1'><candidate cid='c1' host='${elsewhere}' jid='proxy.localhost' port='1080' priority='655360' type='proxy'/></transport></content></jingle>`, ['passthrough', 'balanced']],
    ['a slot for an upload (XEP-0363)', 'urn:xmpp:http:upload:0', (ns: string) => `<slot xmlns='${ns}'><put url='https://${elsewhere}/f'/><get url='https://${elsewhere}/f'/></slot>`, ['passthrough', 'balanced', 'strict']],
    ['relays of a vendor', 'google:jingleinfo', (ns: string) => `<query xmlns='${ns}'><relay><server host='${elsewhere}' udp='19295'/></relay></query>`, ['passthrough']],
  ])('%s reach a client where the policy keeps them, and only there', async (_, namespace, answer, keeping) => {
    script = (socket, tcp) =>
      negotiate(socket, tcp, () => socket.once('data', () => socket.write(`<iq type='result' id='x1' from='localhost'>${answer(namespace)}</iq>${fence}`)), '');
    const client = await logIn();
    client.socket.write(`<iq xmlns='jabber:client' type='get' id='x1'><query xmlns='${namespace}'/></iq><presence xmlns='jabber:client'/>`);
    await client.until('fence');
    expect(hint.test(client.received())).toBe(keeping.includes(policy));
    client.socket.destroy();
  }); // prettier-ignore

  it('a failed token (RFC 7628 §3.2.2) names no other issuer to ask', async () => {
    const failure = JSON.stringify({ status: 'invalid_token', scope: 'xmpp', 'openid-configuration': `https://${elsewhere}/.well-known/openid-configuration` });
    script = (socket) => {
      let step = 0;
      socket.on('data', () => {
        step += 1;
        if (step === 1) socket.write(gatekeeperHeader + features(mechanisms('OAUTHBEARER')));
        else if (step === 2) socket.write(`<challenge xmlns='${sasl}'>${encoded(failure)}</challenge>`);
        else socket.write(`<failure xmlns='${sasl}'><not-authorized/></failure>`);
      });
    };
    const client = connectRaw(proxy.direct, authority.certificate);
    client.socket.write(streamHeader());
    await client.until('</stream:features>');
    client.socket.write(`<auth xmlns='${sasl}' mechanism='OAUTHBEARER'>${encoded('n,,\u0001auth=Bearer abc\u0001\u0001')}</auth>`);
    await client.until('<challenge');
    client.socket.write(`<response xmlns='${sasl}'>${encoded('\u0001')}</response>`);
    await client.until('<failure');
    const [, challenge = ''] = /<challenge[^>]*>([^<]*)</.exec(client.received()) ?? [];
    expect(Buffer.from(challenge, 'base64').toString()).toContain('invalid_token');
    expect(Buffer.from(challenge, 'base64').toString()).not.toContain(elsewhere);
    client.socket.destroy();
  }); // prettier-ignore
});
