/** Clients that do not wait for the features before they authenticate (XEP-0484 §3.4, XEP-0509), and what they send
 *  along: only the authentication gets anywhere, and only as the policy has it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import type { ChannelBinding } from '../../src/session/facts.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, streamHeader, type RawClient } from '../support/raw-client.ts';
import { startRawServer, type RawGatekeeper } from '../support/raw-gatekeeper.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const authenticate =
  "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>AGp1bGlldABy</initial-response>" +
  "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Chirper 4.2</software></user-agent>" +
  "<fast xmlns='urn:xmpp:fast:0' count='3'/><x xmlns='urn:chirper'>4.2</x></authenticate>";
const success =
  "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@localhost</authorization-identifier></success>";
const auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>";

/** What the gatekeeper says once it has heard of an authentication, and not before. */
let features: string;
let heard: string;
let gatekeeper: RawGatekeeper;
let proxy: TestProxy;

const offering = (mechanism: string): string =>
  `<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>${mechanism}</mechanism></authentication></stream:features>`;

beforeAll(async () => {
  gatekeeper = await startRawServer(pair.certificate, pair.key, (socket) => {
    heard = '';
    let answered = false;
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (answered || !/<\/auth(?:enticate)?>/.test(heard)) return;
      answered = true;
      const restarts = heard.includes('<auth ');
      const accepted = restarts ? "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>" : success;
      socket.write(`${streamHeader('', " id='s1'")}${features}${accepted}`);
    });
  });
});
afterAll(() => gatekeeper.close());
afterEach(() => proxy.close());

async function connect(channelBinding: ChannelBinding = 'gatekeeper-without-plus'): Promise<RawClient> {
  features = offering('HT-SHA-256-NONE');
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: 'balanced',
    channelBinding,
    timeouts: { closeGraceMs: 50 },
  });
  return connectRaw(proxy.direct, authority.certificate);
}

describe('a client that authenticates before it has seen the features', () => {
  it('is accepted, and has sent no more of itself than otherwise', async () => {
    const client = await connect();
    client.socket.write(streamHeader() + authenticate);
    await client.until('</success>');
    expect(heard).toContain('<initial-response>AGp1bGlldABy</initial-response>');
    expect(heard).toContain("<fast xmlns='urn:xmpp:fast:0' count='3'/>");
    expect(heard).not.toMatch(/[Cc]hirper|d4565fa7|4\.2/);
    client.socket.write('<presence><status>at home</status><show>away</show></presence>');
    await expect.poll(() => heard).toContain('<show>away</show>');
    expect(heard).not.toContain('at home');
    client.socket.destroy();
  });

  it.each([
    ['a stanza', '<presence><status>marker</status></presence>'],
    ['a request to be counted', "<enable xmlns='urn:xmpp:sm:3'/>"],
    ['something unknown', "<x xmlns='urn:unknown'>marker</x>"],
  ])('and sends %s before it is accepted is refused, and nothing is forwarded', async (_, early) => {
    const client = await connect();
    client.socket.write(streamHeader() + authenticate + early);
    await client.closed;
    expect(client.received()).toContain('<not-authorized ');
    expect(heard).not.toMatch(/marker|<enable|<presence/);
    await expect.poll(() => proxy.closed).toEqual(['ERR_NEGOTIATION']);
  });

  it('is cut off when it has chosen to bind the channel', async () => {
    const client = await connect();
    features = offering('SCRAM-SHA-256-PLUS');
    client.socket.write(
      streamHeader() + authenticate.replace(/ mechanism='[^']+'/, " mechanism='SCRAM-SHA-256-PLUS'"),
    );
    await client.closed;
    expect(client.received()).not.toContain('<success');
    await expect.poll(() => proxy.closed).toEqual(['ERR_CHANNEL_BINDING']);
  });

  it('and takes the next stream for granted is refused (RFC 6120 §6.4.6)', async () => {
    const client = await connect();
    client.socket.write(streamHeader() + auth + streamHeader());
    await client.closed;
    await expect.poll(() => proxy.closed).toEqual([expect.stringMatching(/^ERR_(?:RESTART_PIPELINED|XML_)/)]);
    expect(client.received()).toContain('<stream:error>');
  });
});
