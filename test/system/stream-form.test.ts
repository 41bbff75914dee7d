/** How a peer writes its stream (header, prefixes, quotes, order of attributes) stops at the proxy, which writes a
 *  header of its own in both directions; stanzas and nonzas that depend on the peer's header are written anew. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startRawServer, type RawGatekeeper } from '../support/raw-gatekeeper.ts';

const streams = 'http://etherx.jabber.org/streams';
const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const plain = Buffer.from('\0a\0b').toString('base64');

/** What a client writes: its header, its authentication, an element of stream management and a message. */
interface Writing {
  readonly header: string;
  readonly auth: string;
  readonly rest: string;
}

const ordinary: Writing = {
  header: `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${streams}' to='localhost' version='1.0'>`,
  auth: `<auth xmlns='${sasl}' mechanism='PLAIN'>${plain}</auth>`,
  rest: `<enable xmlns='urn:xmpp:sm:3' resume='true'/><message id='m1' to='a@b'><active xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/><body>x</body></message>`,
};

const unusual: Writing = {
  header: `<s:stream version="1.0" to='localhost' h:a='1' xmlns:h='urn:library' xmlns:c='jabber:client' xmlns:a="${sasl}" xmlns:m='urn:xmpp:sm:3' xmlns:t='urn:xmpp:hints' xmlns:s='${streams}' build='7' xmlns='jabber:client'>`,
  auth: `<a:auth mechanism="PLAIN" >${plain}</a:auth >`,
  rest: `<m:enable resume = "true" xmlns:unused='urn:unused'></m:enable><c:message to="a&#64;b" id='m1'><active xmlns="http://jabber.org/protocol/chatstates"/><t:store/><c:body><![CDATA[x]]></c:body></c:message>`,
};

/** A gatekeeper that writes as `form` says and keeps what it is sent. */
interface Form {
  readonly header: string;
  readonly prefix: string;
  readonly extra: string;
}

const forms: Readonly<Record<string, Form>> = {
  usual: {
    header: `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${streams}' from='localhost' id='1' version='1.0'>`,
    prefix: 'stream',
    extra: "<message from='a@b' id='m2'><body>y</body></message>",
  },
  unusual: {
    header: `<st:stream id="1" xmlns:x="urn:server" xmlns:c='jabber:client' x:y='z' from='localhost' xmlns='jabber:client' version='1.0' xmlns:st="${streams}">`,
    prefix: 'st',
    extra: '<c:message id=\'m2\' from="a@b"><c:body>y</c:body></c:message>',
  },
};

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const received: string[] = [];

function startGatekeeper({ header, prefix, extra }: Form): Promise<RawGatekeeper> {
  return startRawServer(pair.certificate, pair.key, (socket) => {
    const index = received.push('') - 1;
    let step = 0;
    const answers = [
      [':stream', `${header}<${prefix}:features><mechanisms xmlns='${sasl}'><mechanism>PLAIN</mechanism></mechanisms></${prefix}:features>`],
      ['auth>', `<success xmlns='${sasl}'/>`],
      [':stream', `${header}<${prefix}:features/>`],
      ['</message>', extra],
    ] as const; // prettier-ignore
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      received[index] += chunk.toString();
      heard += chunk.toString();
      const [wanted, answer] = answers[step] ?? ['\0', ''];
      if (!heard.includes(wanted)) return;
      heard = '';
      step += 1;
      socket.write(answer);
    });
  });
}

describe.each(['strict', 'passthrough'])('under %s', (policy) => {
  const gatekeepers: RawGatekeeper[] = [];
  const proxies: TestProxy[] = [];

  beforeAll(async () => {
    for (const form of Object.values(forms)) {
      const gatekeeper = await startGatekeeper(form);
      gatekeepers.push(gatekeeper);
      proxies.push(
        await startTestProxy({
          domain: 'localhost',
          gatekeeper: { port: gatekeeper.port, tls: 'direct' },
          certificate: pair.certificate,
          key: pair.key,
          ca: authority.certificate,
          policy,
        }),
      );
    }
  });

  afterAll(async () => {
    for (const proxy of proxies) await proxy.close();
    for (const gatekeeper of gatekeepers) gatekeeper.close();
  });

  /** What both sides received of one conversation. */
  async function converse({ header, auth, rest }: Writing, proxy: TestProxy): Promise<{ gatekeeper: string; client: string }> {
    const client = connectRaw(proxy.direct, authority.certificate);
    client.socket.write(header);
    await client.until('features>');
    client.socket.write(auth);
    await client.until('<success');
    client.socket.write(header);
    await client.until(/features\/>|features><\/[a-z]*:?features>/);
    client.socket.write(rest);
    await client.until('message>');
    client.socket.destroy();
    return { gatekeeper: received.at(-1)!, client: client.received() };
  } // prettier-ignore

  it('the gatekeeper receives a header of the proxy, whatever the client wrote', async () => {
    const { gatekeeper } = await converse(unusual, proxies[0]!);
    const headers = gatekeeper.match(/<\?xml[^?]*\?><stream:stream [^>]*>/g);
    expect(headers).toHaveLength(2);
    const language = policy === 'strict' ? " xml:lang='en'" : '';
    for (const header of headers!)
      expect(header).toBe(
        `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${streams}' to='localhost' version='1.0'${language}>`,
      );
    for (const secret of ['urn:library', 'build', 'urn:unused', 'c:message', 'm:enable', 'a:auth', 't:store', 'CDATA'])
      expect(gatekeeper).not.toContain(secret);
    expect(gatekeeper).toContain("<store xmlns='urn:xmpp:hints'/>");
  }); // prettier-ignore

  it('the client receives a header of the proxy, whatever the gatekeeper wrote', async () => {
    const usual = await converse(ordinary, proxies[0]!);
    const other = await converse(ordinary, proxies[1]!);
    expect(other.client).toBe(usual.client);
    expect(other.client).not.toContain('urn:server');
  });

  it.runIf(policy === 'strict')('one conversation written in two ways is one to the gatekeeper', async () => {
    const one = await converse(ordinary, proxies[0]!);
    const other = await converse(unusual, proxies[0]!);
    expect(other.gatekeeper).toBe(one.gatekeeper);
  });
});
