/** What a client says of itself before there is a session, through a whole proxy: the stream header (RFC 6120 §4.7)
 *  and the authentication (XEP-0388 §2.2.1, XEP-0386). */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const header = (attributes: string): string =>
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' ${attributes} version='1.0'>`;
const features =
  "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism></authentication></stream:features>";
const authenticate =
  "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGp1bGlldABy</initial-response>" +
  "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Chirper 4.2</software><device>Juliet’s phone</device></user-agent>" +
  "<bind xmlns='urn:xmpp:bind:0'><tag>Chirper</tag><enable xmlns='urn:xmpp:sm:3'/></bind></authenticate>";
const success =
  "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@localhost/Narthex.1</authorization-identifier>" +
  "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3'/></bound></success>";

let gatekeeper: Server;
let heard = '';

beforeAll(async () => {
  gatekeeper = createServer(
    { cert: pair.certificate, key: pair.key, ALPNProtocols: ['xmpp-client'] },
    (socket) => {
      heard = '';
      let answered = 0;
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        if (answered === 0 && heard.includes('<stream:stream')) {
          answered = 1;
          socket.write(`${header("from='localhost' id='s-1' xml:lang='fr' server='Chatty 1.0'")}${features}`);
        } else if (answered === 1 && heard.includes('</authenticate>')) {
          answered = 2;
          socket.write(success);
        }
      });
    },
  );
  gatekeeper.listen(0, '127.0.0.1');
  await once(gatekeeper, 'listening');
});

afterAll(() => void gatekeeper.close());

/** Logs in under a policy. @returns what each side has received. */
async function logInUnder(
  policy: string,
  attributes = "from='juliet@localhost' xml:lang='de-AT' client='Chirper'",
): Promise<{ toGatekeeper: string; toClient: string; proxy: TestProxy }> {
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: (gatekeeper.address() as AddressInfo).port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy,
  });
  try {
    const client = connect({
      port: proxy.direct,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.certificate,
      ALPNProtocols: ['xmpp-client'],
    });
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    await once(client, 'secureConnect');
    client.write(header(`to='localhost' ${attributes}`));
    await until(client, () => received.includes('</stream:features>'));
    client.write(authenticate);
    await until(client, () => received.includes('</success>'));
    client.destroy();
    return { toGatekeeper: heard, toClient: received, proxy };
  } finally {
    await proxy.close();
  }
}

async function until(socket: TLSSocket, holds: () => boolean): Promise<void> {
  while (!holds()) await once(socket, 'data', { signal: AbortSignal.timeout(5_000) });
}

describe('metadata that a client sends before its session', () => {
  it('is unchanged under passthrough', async () => {
    const { toGatekeeper, toClient } = await logInUnder('passthrough');
    expect(toGatekeeper).toContain("version='1.0' xml:lang='de-AT'>");
    expect(toGatekeeper).toContain(authenticate);
    expect(toClient).toMatch(/id='s-1' version='1.0' xml:lang='fr'>/);
    // The header is the proxy's own: it has the attributes of RFC 6120 §4.7 and no others.
    expect(toGatekeeper + toClient).not.toMatch(/client='Chirper'|server='Chatty/);
    expect(toClient).toContain(success);
  });

  it('is what the policy allows under balanced', async () => {
    const { toGatekeeper, toClient, proxy } = await logInUnder('balanced');
    expect(toGatekeeper).toContain("from='juliet@localhost' to='localhost' version='1.0' xml:lang='de-AT'>");
    expect(toGatekeeper).not.toMatch(/Chirper|Juliet|d4565fa7/);
    const agent =
      /<user-agent id='([0-9a-f-]{36})'><software[^>]*>Narthex<\/software><device[^>]*>Device<\/device><\/user-agent>/;
    expect(toGatekeeper).toMatch(agent);
    expect(toGatekeeper).toContain('<initial-response>AGp1bGlldABy</initial-response>');
    expect(toGatekeeper).toContain(
      "<bind xmlns='urn:xmpp:bind:0'><tag xmlns='urn:xmpp:bind:0'>device</tag><enable xmlns='urn:xmpp:sm:3'/></bind>",
    );
    expect(toClient).not.toContain('Chatty');
    expect(toClient).toContain(success);
    const fields = proxy.decisions.totals().map(({ field, treatment }) => `${field}: ${treatment}`);
    expect(fields).toEqual(
      expect.arrayContaining([
        'sasl.user-agent.id: pseudonymise',
        'sasl.user-agent.software: replace',
        'sasl.user-agent.device: replace',
        'bind.tag: replace',
        'stream.lang: keep',
        'unlisted: drop',
      ]),
    );
  });

  it('has one language for all clients under strict', async () => {
    const { toGatekeeper } = await logInUnder('strict');
    expect(toGatekeeper).toContain("xml:lang='en'");
    expect(toGatekeeper).not.toContain('de-AT');
  });

  it('has that language also for clients that name none', async () => {
    const headerOf = (text: string): string => /<stream:stream [^>]*>/.exec(text)![0];
    const named = await logInUnder('strict', "xml:lang='de-AT'");
    const silent = await logInUnder('strict', '');
    expect(headerOf(silent.toGatekeeper)).toBe(headerOf(named.toGatekeeper));
    expect(headerOf((await logInUnder('balanced', '')).toGatekeeper)).not.toContain('lang');
  });

  it('has no identifier of a stream, which only a server gives', async () => {
    const { toGatekeeper, toClient } = await logInUnder('passthrough', "id='chirper-1'");
    expect(toGatekeeper).not.toContain('chirper-1');
    expect(toClient).toContain(" id='s-1' ");
  });
});
