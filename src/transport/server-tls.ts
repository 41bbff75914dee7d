/** TLS as server, on a connection just accepted (direct TLS, XEP-0368) or after STARTTLS `<proceed/>` (RFC 6120
 *  §5.4.3.3). Both are the same handshake. */
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext, type TLSSocketOptions } from 'node:tls';
import type { ClientHelloProgress } from '../signals/client-hello-reader.ts';
import { StreamError } from '../stanza/error.ts';
import { DeadlineError, onDeadline } from './deadline.ts';
import { systemCode } from './error.ts';
import { HandshakeClosed, watchHandshake } from './handshake.ts';
import { watchClientHello } from './read-client-hello.ts';
import {
  xmppProtocols,
  type ApplicationProtocol,
  type PortProtocols,
  type TlsVersion,
} from './secure-context.ts';

/** Options of one handshake. */
export interface ServerTlsOptions {
  readonly certificates: { contextFor(serverName: string | undefined): SecureContext };
  /** Milliseconds for the ClientHello and the whole handshake. */
  readonly handshakeTimeoutMs: number;
  /** Bytes of the ClientHello that were read already. */
  readonly early?: Uint8Array;
  /** Protocols inside TLS. Default `xmpp-client`. */
  readonly protocols?: PortProtocols;
  /** Whether to request a client certificate. It is optional and not verified here; the service that needs it
   *  compares it with its pins. Default false. */
  readonly requestCertificate?: boolean;
  /** Called with the client's first flight before TLS reads it. Without it, only TLS reads the flight. */
  readonly onClientHello?: ((progress: ClientHelloProgress) => void) | undefined;
  /** Runs the part of the handshake that computes, once the ClientHello was read. Default: TLS reads it itself, at once. */
  readonly schedule?: (compute: () => void) => void;
  /** Returns monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

/** A connection with TLS on it. */
export interface SecuredClient {
  readonly socket: TLSSocket;
  /** The SNI name of the client. It comes from the wire: compare it, do not log it. */
  readonly serverName: string | undefined;
  readonly protocolVersion: TlsVersion;
  readonly alpn: ApplicationProtocol | undefined;
  /** Milliseconds from the ClientHello to the client's last flight: a round trip and both sides' work. */
  readonly handshakeMs: number;
}

/** Why a handshake failed, for a metric's label.
 *  - `not-tls`: the bytes are no TLS record.
 *  - `version`, `cipher`, `alpn`: nothing in common.
 *  - `alert`: the client refused, most often the certificate.
 *  - `closed`: the client left.
 *  - `other`: any other fault. */
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

/** Starts TLS on a socket, and waits for the handshake. The caller must not read from the socket again: its unread
 *  bytes belong to the handshake. The returned socket owns it; destroying one destroys both. On failure both are
 *  closed.
 *
 *  A client that offers ALPN names without one that is spoken here is refused (RFC 7301 §3.2); one that offers none is
 *  accepted.
 *  @throws TlsHandshakeError, StreamError ERR_HANDSHAKE_TIMEOUT, or the signal's reason */
export function secureClient(socket: Socket, options: ServerTlsOptions): Promise<SecuredClient> {
  const { promise, resolve, reject } = Promise.withResolvers<SecuredClient>();
  new ServerHandshake(socket, options, resolve, reject).begin();
  return promise;
}

/** One handshake, driven by callbacks. Every connection has one, so it allocates no promise but the caller's. */
class ServerHandshake {
  readonly #socket: Socket;
  readonly #options: ServerTlsOptions;
  readonly #resolve: (secured: SecuredClient) => void;
  readonly #reject: (error: unknown) => void;
  #stopClock = (): void => {};
  /** Stops waiting for the socket. */
  #giveUp = (): void => {};

  constructor(
    socket: Socket,
    options: ServerTlsOptions,
    resolve: (secured: SecuredClient) => void,
    reject: (error: unknown) => void,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { handshakeTimeoutMs, signal, early, onClientHello, schedule, certificates } = this.#options;
    const socket = this.#socket;
    if (signal?.aborted === true || socket.destroyed || socket.readableEnded) {
      this.#fail(new HandshakeClosed());
      return;
    }
    this.#stopClock = onDeadline(handshakeTimeoutMs, signal, (reason) => {
      this.#giveUp();
      this.#fail(reason);
    });
    if (socket.readableFlowing === true) socket.pause();
    if (early !== undefined && early.length > 0) socket.unshift(early);
    if (onClientHello === undefined && schedule === undefined) this.#secure(() => whenAsked(certificates));
    else this.#giveUp = watchClientHello(socket, (progress) => this.#heard(progress));
  }

  #heard(progress: ClientHelloProgress): void {
    const { schedule } = this.#options;
    if (progress.kind === 'incomplete') this.#fail(new HandshakeClosed());
    else if (schedule === undefined) this.#secureAfter(progress);
    else this.#secureLater(progress, schedule);
  }

  #secureLater(progress: ClientHelloProgress, schedule: (compute: () => void) => void): void {
    const socket = this.#socket;
    let isWaiting = true;
    this.#giveUp = () => (isWaiting = false);
    socket.on('error', ignored);
    schedule(() => {
      socket.off('error', ignored);
      if (!isWaiting) return;
      if (socket.destroyed) this.#fail(new HandshakeClosed());
      else this.#secureAfter(progress);
    });
  }

  #secureAfter(progress: ClientHelloProgress): void {
    const { certificates, onClientHello } = this.#options;
    this.#secure(() => {
      onClientHello?.(progress);
      return progress.kind === 'hello'
        ? { secureContext: certificates.contextFor(progress.hello.serverName) }
        : whenAsked(certificates);
    });
  }

  #secure(choose: () => ContextChoice): void {
    const { protocols = xmppProtocols, requestCertificate = false, now = monotonic } = this.#options;
    try {
      const choice = choose();
      const started = now();
      const secured = new TLSSocket(this.#socket, {
        isServer: true,
        ...choice,
        ALPNProtocols: protocols.wire,
        requestCert: requestCertificate,
        rejectUnauthorized: false,
      });
      this.#giveUp = watchHandshake(secured, 'secure', (error) => {
        if (error === undefined) this.#succeed(secured, protocols, now() - started);
        else this.#fail(error);
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #succeed(secured: TLSSocket, { names }: PortProtocols, handshakeMs: number): void {
    this.#stopClock();
    // Without a tls.Server, faults of the established session do not become an `error` event.
    secured.on('_tlsError', (error: Error) => secured.destroy(error));
    this.#resolve({
      socket: secured,
      serverName: typeof secured.servername === 'string' ? secured.servername : undefined,
      protocolVersion: secured.getProtocol() as TlsVersion,
      alpn: names.find((name) => name === secured.alpnProtocol),
      handshakeMs,
    });
  }

  #fail(cause: unknown): void {
    const { signal, handshakeTimeoutMs } = this.#options;
    this.#stopClock();
    this.#socket.destroy();
    if (cause instanceof DeadlineError)
      this.#reject(
        new StreamError('connection-timeout', { code: 'ERR_HANDSHAKE_TIMEOUT', handshakeTimeoutMs }),
      );
    else this.#reject(signal?.aborted === true ? signal.reason : new TlsHandshakeError(reasonOf(cause)));
  }
}

/** The socket is found closed when its turn comes. */
const ignored = (): void => {};

const monotonic = (): number => performance.now();

type ContextChoice = Pick<TLSSocketOptions, 'secureContext' | 'SNICallback'>;

/** Returns a callback that chooses the certificate during the handshake; unnecessary where the name is known before. */
function whenAsked(certificates: ServerTlsOptions['certificates']): ContextChoice {
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
  const code = systemCode(error);
  return reasons[code] ?? (code.includes('_ALERT_') ? 'alert' : 'other');
}
