/** What `narthex check --connect` finds out after TLS is up, and what it sends. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/app/clock.ts';
import { reachGatekeepers, type Reach } from '../../../src/app/tools/reach.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { createAuthority, dayMs } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const authority = createAuthority();
const notAfter = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 30 * dayMs);
const domains = Array.from({ length: 40 }, (_, index) => `d${index}.example`);
const secureContext = createSecureContext(authority.issue({ dns: domains, notAfter }));

const header =
  "<?xml version='1.0'?><stream:stream id='1' version='1.0' xmlns='jabber:client' " +
  "xmlns:stream='http://etherx.jabber.org/streams'>";
const features = `${header}<stream:features/>`;

interface Gatekeeper {
  readonly port: number;
  /** Streams that clients have opened, as they were written. */
  readonly heard: string[];
  /** What came before TLS. */
  readonly prefaces: Buffer[];
}

/** A server of direct TLS that answers each stream header.
 *  @param answer undefined for none
 *  @param prefaceBytes how many bytes come before TLS */
async function gatekeeper(
  answer: (() => string | undefined) | undefined,
  prefaceBytes = 0,
): Promise<Gatekeeper> {
  const heard: string[] = [];
  const prefaces: Buffer[] = [];
  const sockets: Socket[] = [];
  const secure = (socket: Socket): void => {
    const secured = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['xmpp-client'] });
    secured.on('error', () => {});
    secured.once('data', (chunk: Buffer) => {
      heard.push(chunk.toString());
      const text = answer?.();
      if (text === undefined) return;
      if (text === '') secured.end();
      else secured.write(text);
    });
  };
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    if (prefaceBytes === 0) {
      secure(socket);
      return;
    }
    const read = (): void => {
      const preface = socket.read(prefaceBytes) as Buffer | null;
      if (preface === null) return;
      socket.off('readable', read);
      prefaces.push(preface);
      secure(socket);
    };
    socket.on('readable', read);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, heard, prefaces };
}

interface Asked {
  readonly served?: readonly string[];
  readonly attestation?: object;
  readonly dialMs?: number;
}

async function reach(
  port: number,
  { served = ['d0.example'], attestation, dialMs = 5_000 }: Asked = {},
): Promise<readonly Reach[]> {
  await using folder = await temporaryFolder();
  const caFile = await folder.write('ca.pem', authority.cert);
  const config = configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', port: 0, tls: 'direct' }],
    certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
    domains: served.map((domain) => ({ domain, gatekeeper: 'main' })),
    gatekeepers: [
      {
        name: 'main',
        connect: { address: `127.0.0.1:${port}`, tls: 'direct' },
        caFile,
        ...(attestation && { attestation }),
      },
    ],
    timeouts: { dialMs },
  });
  return await reachGatekeepers(config, systemClock);
}

it('a gatekeeper that shows its features is reached, with TLS version and end of its certificate', async () => {
  const { port, heard } = await gatekeeper(() => features);
  expect(await reach(port)).toEqual([
    {
      gatekeeper: 'main',
      domain: 'd0.example',
      milliseconds: expect.any(Number) as number,
      kind: 'reached',
      tlsVersion: 'TLSv1.3',
      notAfter: notAfter.toISOString(),
    },
  ]);
  expect(heard).toHaveLength(1);
  expect(heard[0]).toContain("<stream:stream to='d0.example' version='1.0'");
});

const error = (condition: string): string =>
  `${header}<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`;

it.each([
  ['refuses the domain', error('host-unknown'), 'ERR_GATEKEEPER_NEGOTIATION', 'stream-refused'],
  ['redirects', error('see-other-host'), 'ERR_GATEKEEPER_REDIRECT', 'redirected'],
  ['closes the stream', `${header}</stream:stream>`, 'ERR_GATEKEEPER_NEGOTIATION', 'stream-refused'],
  ['closes the connection', '', 'ERR_GATEKEEPER_NEGOTIATION', 'stream-refused'],
  ['speaks HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'ERR_GATEKEEPER_NEGOTIATION', 'not-xmpp'],
  ['sends a stanza first', `${header}<presence/>`, 'ERR_GATEKEEPER_NEGOTIATION', 'not-xmpp'],
])('a gatekeeper that %s after TLS is not', async (_, answer, code, cause) => {
  const { port } = await gatekeeper(() => answer);
  expect(await reach(port)).toMatchObject([{ kind: 'failed', code, cause }]);
});

it('a gatekeeper that is silent after TLS is waited for, and not for ever', async () => {
  const { port, heard } = await gatekeeper(undefined);
  expect(await reach(port, { dialMs: 500 })).toMatchObject([{ kind: 'failed', cause: 'timed-out' }]);
  expect(heard).toHaveLength(1);
});

it('a gatekeeper that wants a PROXY header gets one of a connection without a client', async () => {
  const { port, prefaces } = await gatekeeper(() => features, 16);
  const attestation = {
    audience: 'gatekeeper.example',
    carriers: { proxyProtocol: { profile: 'standard' } },
  };
  expect(await reach(port, { attestation })).toMatchObject([{ kind: 'reached' }]);
  // proxy-protocol.txt §2.2: version 2, LOCAL, no address, no field.
  expect(prefaces.map((preface) => preface.toString('hex'))).toEqual(['0d0a0d0a000d0a515549540a20000000']);
});

it('each domain is dialled once, and the answers keep the order of the configuration', async () => {
  let answered = 0;
  const { port, heard } = await gatekeeper(() => ((answered += 1) === 3 ? error('host-unknown') : features));
  const found = await reach(port, { served: domains });
  expect(found.map(({ domain }) => domain)).toEqual(domains);
  expect(found.filter(({ kind }) => kind === 'failed')).toHaveLength(1);
  const asked = heard.map((text) => / to='([^']+)'/.exec(text)![1]!);
  expect(asked.toSorted()).toEqual(domains.toSorted());
});
