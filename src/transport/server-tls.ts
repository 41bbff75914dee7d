/** TLS as server, on a connection just accepted (direct TLS, XEP-0368) or after STARTTLS `<proceed/>` (RFC 6120
 *  §5.4.3.3). Both are the same handshake. */
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext, type TLSSocketOptions } from 'node:tls';
import type { ClientHelloProgress } from '../signals/client-hello-reader.ts';
import { StreamError } from '../stanza/error.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import { systemCode } from './error.ts';
import { handshake } from './handshake.ts';
import { readClientHello } from './read-client-hello.ts';
import {
  alpnLists,
  xmppClientProtocol,
  type ApplicationProtocol,
  type TlsVersion,
} from './secure-context.ts';

/** Options of one handshake. */
export interface ServerTlsOptions {
  readonly certificates: { contextFor(serverName: string | undefined): SecureContext };
  /** For the ClientHello and the whole handshake, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Bytes of the ClientHello that were read already. */
  readonly early?: Uint8Array;
  /** What is spoken inside. Default `xmpp-client`. */
  readonly protocol?: ApplicationProtocol;
  /** Whether to ask for a client certificate. One is not demanded, and not judged here: whoever takes it for
   *  something compares it with those it pins. Default false. */
  readonly requestCertificate?: boolean;
  /** Hears of the client's first flight, before TLS is given it. Without, nobody reads it but TLS. */
  readonly onClientHello?: ((progress: ClientHelloProgress) => void) | undefined;
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

/** A connection with TLS on it. */
export interface SecuredClient {
  readonly socket: TLSSocket;
  /** The SNI name, as the client sent it. It comes from the wire: compare it, do not log it. */
  readonly serverName: string | undefined;
  readonly protocolVersion: TlsVersion;
  readonly alpn: ApplicationProtocol | undefined;
  /** From the ClientHello to the client's last flight: a round trip and both sides' work. */
  readonly handshakeMs: number;
}

/** Why a handshake failed, for a metric's label.
 *  - `not-tls`: what came is no TLS record.
 *  - `version`, `cipher`, `alpn`: nothing in common.
 *  - `alert`: the client refused, most often our certificate.
 *  - `closed`: the client went away. */
export type HandshakeReason = 'not-tls' | 'version' | 'cipher' | 'alpn' | 'alert' | 'closed' | 'other';

/** ERR_TLS_HANDSHAKE with its reason. */
export class TlsHandshakeError extends StreamError {
  readonly reason: HandshakeReason;

  constructor(reason: HandshakeReason) {
    super('undefined-condition', { code: 'ERR_TLS_HANDSHAKE' });
    this.reason = reason;
    this.message = `${this.message} (${reason})`;
  }
}

/** Takes TLS on a socket. The caller reads from it no more: what it holds unread belongs to the handshake.
 *  The returned socket owns it from then on; destroying one destroys both. On every failure both are closed.
 *
 *  A client that offers application protocols but not the one spoken here is refused (RFC 7301 §3.2); one that
 *  offers none is welcome.
 *  @throws TlsHandshakeError, StreamError ERR_HANDSHAKE_TIMEOUT, or the signal's reason. */
export async function secureClient(socket: Socket, options: ServerTlsOptions): Promise<SecuredClient> {
  try {
    return await withDeadline(options.handshakeTimeoutMs, options.signal, (signal) =>
      take(socket, options, signal),
    );
  } catch (error) {
    socket.destroy();
    if (error instanceof DeadlineError)
      throw new StreamError('connection-timeout', {
        code: 'ERR_HANDSHAKE_TIMEOUT',
        handshakeTimeoutMs: options.handshakeTimeoutMs,
      });
    if (options.signal?.aborted === true) throw error;
    throw new TlsHandshakeError(reasonOf(error));
  }
}

async function take(
  socket: Socket,
  {
    certificates,
    early,
    protocol = xmppClientProtocol,
    requestCertificate = false,
    onClientHello,
    now = () => performance.now(),
  }: ServerTlsOptions,
  signal: AbortSignal,
): Promise<SecuredClient> {
  if (socket.destroyed || socket.readableEnded) throw new TlsHandshakeError('closed');
  socket.pause();
  if (early !== undefined && early.length > 0) socket.unshift(early);
  let choice = whenAsked(certificates);
  if (onClientHello !== undefined) {
    const progress = await readClientHello(socket, signal);
    if (progress.kind === 'incomplete') throw new TlsHandshakeError('closed');
    onClientHello(progress);
    if (progress.kind === 'hello')
      choice = { secureContext: certificates.contextFor(progress.hello.serverName) };
  }
  const started = now();
  const secured = new TLSSocket(socket, {
    isServer: true,
    ...choice,
    ALPNProtocols: alpnLists[protocol],
    requestCert: requestCertificate,
    rejectUnauthorized: false,
  });
  await handshake(secured, 'secure', signal);
  // Without a tls.Server nobody turns faults of the established session into an error.
  secured.on('_tlsError', (error: Error) => secured.destroy(error));
  return {
    socket: secured,
    serverName: typeof secured.servername === 'string' ? secured.servername : undefined,
    protocolVersion: secured.getProtocol() as TlsVersion,
    alpn: secured.alpnProtocol === protocol ? protocol : undefined,
    handshakeMs: now() - started,
  };
}

/** Lets TLS ask which certificate, halfway through the handshake; needless where the name is known before. */
function whenAsked(
  certificates: ServerTlsOptions['certificates'],
): Pick<TLSSocketOptions, 'secureContext' | 'SNICallback'> {
  return {
    secureContext: certificates.contextFor(undefined),
    SNICallback: (serverName, choose) => choose(null, certificates.contextFor(serverName)),
  };
}

const reasons: Readonly<Record<string, HandshakeReason>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'not-tls',
  ERR_SSL_HTTP_REQUEST: 'not-tls',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'not-tls',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'not-tls',
  ERR_SSL_BAD_RECORD_TYPE: 'not-tls',
  ERR_SSL_UNEXPECTED_MESSAGE: 'not-tls',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'version',
  ERR_SSL_VERSION_TOO_LOW: 'version',
  ERR_SSL_NO_SHARED_CIPHER: 'cipher',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'cipher',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'alpn',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
};

function reasonOf(error: unknown): HandshakeReason {
  if (error instanceof TlsHandshakeError) return error.reason;
  const code = systemCode(error);
  return reasons[code] ?? (code.includes('_ALERT_') ? 'alert' : 'other');
}
