/** Gatekeepers that cannot be reached, each for a reason of its own: real servers on the loopback, a port below those that
 *  other tests are given, and a name that does not resolve (RFC 6761 §6.4). */
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { DialCause } from '../../src/errors/causes.ts';
import { createAuthority, dayMs, type CertificateRequest } from './certificates.ts';
import { loopback } from './sockets.ts';

export interface FaultyGatekeeper {
  /** What the fault is, in the words of a test. */
  readonly fault: string;
  readonly cause: DialCause;
  /** Name of the gatekeeper; its domain is this under `.example`. */
  readonly name: string;
  /** Section `connect` of the gatekeeper. */
  readonly connect: { readonly address: string; readonly tls: 'direct' | 'starttls' };
}

export interface FaultyGatekeepers extends AsyncDisposable {
  readonly gatekeepers: readonly FaultyGatekeeper[];
  /** The authority that the proxy is to trust, PEM. */
  readonly ca: string;
}

type Serve = (socket: Socket) => void;

const dns = (name: string): readonly string[] => [`${name}.example`];

/** Opens all of them. */
export async function faultyGatekeepers(): Promise<FaultyGatekeepers> {
  const authority = createAuthority();
  const servers: AsyncDisposable[] = [];
  const at = async (serve: Serve): Promise<string> => {
    const server = await loopback(serve);
    servers.push(server);
    return `127.0.0.1:${server.port}`;
  };
  const secured = (request: CertificateRequest, from = authority): Promise<string> =>
    at(tlsServer(from.issue(request)));
  const past = { notBefore: new Date(0), notAfter: new Date(Date.now() - dayMs) };
  const rows: readonly (readonly [fault: string, DialCause, string, string, 'direct' | 'starttls'])[] = [
    ['a name that does not resolve', 'name-unresolved', 'nameless', 'gatekeeper.invalid:5223', 'direct'],
    ['a closed port', 'refused', 'closed', '127.0.0.1:1', 'direct'],
    ['a server that never answers', 'timed-out', 'silent', await at(() => {}), 'direct'],
    ['a certificate of another authority', 'authority-unknown', 'foreign', await secured({ dns: dns('foreign') }, createAuthority()), 'direct'],
    ['a certificate for another name', 'name-mismatch', 'misnamed', await secured({ dns: dns('other') }), 'direct'],
    ['a certificate that has expired', 'expired', 'expired', await secured({ dns: dns('expired'), ...past }), 'direct'],
    ['clear text where TLS is to begin', 'plain-text', 'clear', await at(clearText), 'direct'],
    ['STARTTLS where direct TLS is configured', 'tls-mode', 'upgrading', await at(startTlsServer), 'direct'],
    ['direct TLS where STARTTLS is configured', 'tls-mode', 'encrypting', await secured({ dns: dns('encrypting') }), 'starttls'],
    ['XMPP that offers no STARTTLS', 'plain-text', 'bare', await at(xmppServer('')), 'starttls'],
  ]; // prettier-ignore
  return {
    ca: authority.cert,
    gatekeepers: rows.map(([fault, cause, name, address, tls]) => ({
      fault,
      cause,
      name,
      connect: { address, tls },
    })),
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

function tlsServer({ cert, key }: { readonly cert: string; readonly key: string }): Serve {
  const secureContext = createSecureContext({ cert, key });
  return (socket) => {
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    secured.on('error', () => secured.destroy()).on('end', () => secured.destroy());
    // tls.Server closes then; a socket alone does not.
    secured.on('_tlsError', () => socket.destroy());
    secured.resume();
  };
}

/** Answers whatever comes as a web server would. */
function clearText(socket: Socket): void {
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
}

const header =
  "<?xml version='1.0'?><stream:stream id='1' version='1.0' xmlns='jabber:client' " +
  "xmlns:stream='http://etherx.jabber.org/streams'>";

const startTlsServer = xmppServer("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");

/** Answers a stream header with features, and everything else with a stream error. */
function xmppServer(features: string): Serve {
  return (socket) => {
    socket.once('data', (chunk: Buffer) => {
      if (chunk.toString('latin1').startsWith('<?xml'))
        socket.write(`${header}<stream:features>${features}</stream:features>`);
      else
        socket.end(
          `${header}<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
        );
    });
  };
}
