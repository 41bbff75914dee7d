/** Connects to a gatekeeper: one connection per session, never shared and never kept (docs/decisions/0005). */
import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { domainToASCII } from 'node:url';
import type { DialCause } from '../errors/causes.ts';
import { clientTlsOn, type ClientTlsOptions } from './client-tls.ts';
import { abortable, DeadlineError, withDeadline } from './deadline.ts';
import { handshake, HandshakeClosed } from './handshake.ts';
import { endpointsOf, type Endpoint, type Resolver } from './srv.ts';
import {
  GatekeeperError,
  gatekeeperTlsError,
  GatekeeperTlsError,
  GatekeeperUnreachableError,
  unreachableError,
} from './gatekeeper-error.ts';
import { writeOpening } from './opening.ts';
import { untilStartTlsOffered, type TlsModeProbe, type TryMode } from './tls-mode.ts';

/** The endpoints of a gatekeeper: a fixed address, or those in the SRV records of a domain. */
export type Target =
  ({ readonly kind: 'address' } & Endpoint) | { readonly kind: 'srv'; readonly domain: string };

/** Options of one dial. */
export interface DialOptions {
  /** XMPP domain of the gatekeeper: the server name that is sent, and the identity that its certificate must have,
   *  whatever host is dialled. */
  readonly domain: string;
  readonly context: SecureContext;
  /** What is spoken in TLS. Default `xmpp-client`. */
  readonly alpn?: ClientTlsOptions['alpn'];
  readonly resolver: Resolver;
  /** Bytes written to each endpoint as soon as it is connected, before TLS: a PROXY protocol header. */
  readonly preface?: Uint8Array | undefined;
  /** Milliseconds for everything: resolving, connecting, TLS, every endpoint. */
  readonly dialTimeoutMs: number;
  /** Milliseconds for one endpoint, so that a dead one leaves time for the next. */
  readonly attemptTimeoutMs: number;
  /** Finds out whether a failure is due to the TLS mode. Not used with a preface: a PROXY header is for one connection. */
  readonly tlsMode?: TlsModeProbe | undefined;
  /** Returns a number in [0, 1), for SRV weights. */
  readonly random?: () => number;
  /** Aborted when the client leaves. */
  readonly signal?: AbortSignal;
}

/** A connection to the gatekeeper: with TLS up, or to be upgraded after STARTTLS. */
export type Dialled =
  | { readonly kind: 'direct'; readonly socket: TLSSocket }
  | {
      readonly kind: 'starttls';
      readonly socket: Socket;
      /** Starts TLS on the socket, from which nothing more may be read. On failure it is closed.
       *  @throws GatekeeperTlsError, or the signal's reason */
      readonly upgrade: (signal: AbortSignal) => Promise<TLSSocket>;
      /** Resolves with whether the endpoint has direct TLS, for a server that closes silently. */
      readonly takesDirectTls: () => Promise<boolean>;
    };

/** Tries the endpoints in order until one connects; with direct TLS, until one has shown its certificate. When none
 *  does, a failure in TLS is thrown before others, which say less; else the last one. No socket outlives a failure or
 *  an abort.
 *  @throws GatekeeperUnreachableError, GatekeeperTlsError, or the signal's reason */
export async function dial(target: Target, options: DialOptions): Promise<Dialled> {
  const domain = asciiDomain(options.domain);
  const progress: Progress = { failure: undefined };
  try {
    return await withDeadline(options.dialTimeoutMs, options.signal, async (signal) => {
      const tls = { domain, context: options.context, alpn: options.alpn };
      for (const endpoint of await endpointsFor(target, options, signal)) {
        const dialled = await attempt(endpoint, tls, options, signal, progress);
        if (dialled !== undefined) return dialled;
      }
      throw progress.failure ?? new GatekeeperUnreachableError('not-offered');
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw progress.failure?.code === 'ERR_GATEKEEPER_TLS'
      ? progress.failure
      : new GatekeeperUnreachableError('timed-out');
  }
}

/** Connects to a fixed address without TLS, for a protocol with a handshake of its own.
 *  @throws GatekeeperUnreachableError, or the signal's reason */
export async function dialTcp(
  { host, port }: Pick<Endpoint, 'host' | 'port'>,
  options: Pick<DialOptions, 'resolver' | 'preface' | 'dialTimeoutMs' | 'signal'>,
): Promise<Socket> {
  try {
    return await withDeadline(options.dialTimeoutMs, options.signal, (signal) =>
      openTcp({ host, port }, options, signal),
    );
  } catch (error) {
    if (error instanceof DeadlineError) throw new GatekeeperUnreachableError('timed-out');
    throw error;
  }
}

interface Progress {
  /** The failure that says most so far; undefined before the first. */
  failure: GatekeeperError | undefined;
}

async function endpointsFor(target: Target, options: DialOptions, signal: AbortSignal): Promise<Endpoint[]> {
  if (target.kind === 'address') return [target];
  const domain = asciiDomain(target.domain);
  return abortable(endpointsOf(domain, options.resolver, options.random ?? Math.random, signal), signal);
}

/** Tries one endpoint.
 *  @returns undefined when it failed and another may be tried */
async function attempt(
  endpoint: Endpoint,
  tls: ClientTlsOptions,
  options: DialOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<Dialled | undefined> {
  try {
    return await withDeadline(options.attemptTimeoutMs, signal, (signal) =>
      endpoint.tls === 'direct'
        ? openDirect(endpoint, tls, options, signal, progress)
        : openPlain(endpoint, tls, options, signal),
    );
  } catch (error) {
    signal.throwIfAborted();
    const failure = error instanceof DeadlineError ? new GatekeeperUnreachableError('timed-out') : error;
    if (!(failure instanceof GatekeeperError)) throw failure;
    note(progress, failure);
    return undefined;
  }
}

/** Records a failure, unless an earlier one was in TLS: that says more than a refused connection. */
function note(progress: Progress, failure: GatekeeperError): void {
  if (progress.failure?.code !== 'ERR_GATEKEEPER_TLS') progress.failure = failure;
}

async function openDirect(
  endpoint: Endpoint,
  tls: ClientTlsOptions,
  options: DialOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<Dialled> {
  const socket = await openTcp(endpoint, options, signal);
  try {
    return { kind: 'direct', socket: await upgrade(socket, tls, signal) };
  } catch (error) {
    if (!(error instanceof GatekeeperTlsError) || error.dialCause !== 'plain-text') throw error;
    // The failure that is reported if the dial runs out of time.
    const before = progress.failure;
    note(progress, error);
    const offered = speaksOther(endpoint, options, (other, signal) =>
      tryStartTls(other, tls, options, signal),
    );
    const isOtherMode = await abortable(offered, signal);
    progress.failure = before;
    throw isOtherMode ? new GatekeeperTlsError('tls-mode') : error;
  }
}

async function openPlain(
  endpoint: Endpoint,
  tls: ClientTlsOptions,
  options: DialOptions,
  signal: AbortSignal,
): Promise<Dialled> {
  const socket = await openTcp(endpoint, options, signal);
  return {
    kind: 'starttls',
    socket,
    upgrade: (signal) => upgrade(socket, tls, signal),
    takesDirectTls: () =>
      speaksOther(endpoint, options, (other, signal) => tryDirect(other, tls, options, signal)),
  };
}

async function speaksOther(endpoint: Endpoint, options: DialOptions, tryOther: TryMode): Promise<boolean> {
  const { tlsMode, preface } = options;
  return tlsMode !== undefined && preface === undefined && tlsMode.speaksOther(endpoint, tryOther);
}

/** Tries STARTTLS.
 *  @throws Error unless the endpoint offers it */
async function tryStartTls(
  endpoint: Endpoint,
  { domain }: ClientTlsOptions,
  options: DialOptions,
  signal: AbortSignal,
): Promise<void> {
  const socket = await openTcp(endpoint, options, signal);
  try {
    socket.write(writeOpening(domain));
    await untilStartTlsOffered(socket, signal);
  } finally {
    socket.destroy();
  }
}

/** Tries direct TLS; a refused certificate shows TLS too.
 *  @throws Error unless the endpoint has direct TLS */
async function tryDirect(
  endpoint: Endpoint,
  tls: ClientTlsOptions,
  options: DialOptions,
  signal: AbortSignal,
): Promise<void> {
  const socket = await openTcp(endpoint, options, signal);
  try {
    (await upgrade(socket, tls, signal)).destroy();
  } catch (error) {
    if (!(error instanceof GatekeeperTlsError) || !certificateCauses.includes(error.dialCause)) throw error;
  }
}

const certificateCauses: readonly DialCause[] = [
  'authority-unknown',
  'name-mismatch',
  'expired',
  'not-yet-valid',
];

async function openTcp(
  endpoint: Pick<Endpoint, 'host' | 'port'>,
  { resolver, preface }: Pick<DialOptions, 'resolver' | 'preface'>,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connectTcp(tcp(endpoint, resolver));
  await connected(socket, signal);
  if (preface !== undefined) socket.write(preface);
  return socket;
}

async function upgrade(socket: Socket, tls: ClientTlsOptions, signal: AbortSignal): Promise<TLSSocket> {
  if (socket.destroyed) throw gatekeeperTlsError(new HandshakeClosed());
  socket.pause();
  const secured = clientTlsOn(socket, tls);
  try {
    await handshake(secured, 'secureConnect', signal);
    return secured;
  } catch (error) {
    signal.throwIfAborted();
    throw gatekeeperTlsError(error);
  }
}

function tcp({ host, port }: Pick<Endpoint, 'host' | 'port'>, { lookup }: Resolver): TcpNetConnectOpts {
  // An address family that does not answer gives way to the other after a quarter of a second (RFC 8305).
  return { host, port, lookup, autoSelectFamily: true, noDelay: true, allowHalfOpen: true };
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const settle = (error?: Error): void => {
    signal.removeEventListener('abort', aborted);
    socket.off('connect', succeeded);
    socket.off('error', failed);
    if (error === undefined) {
      resolve();
      return;
    }
    socket.on('error', () => {});
    socket.destroy();
    reject(error);
  };
  const aborted = (): void => settle(signal.reason as Error);
  const succeeded = (): void => settle();
  const failed = (error: Error): void => settle(unreachableError(error));
  socket.on('connect', succeeded);
  socket.on('error', failed);
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return promise;
}

/** Returns a domain in A-labels, as DNS, SNI and certificates have it. An address, or text that is no domain, is
 *  returned unchanged, so that resolving it reports the fault. */
function asciiDomain(domain: string): string {
  const ascii = domainToASCII(domain);
  return ascii === '' ? domain : ascii;
}
