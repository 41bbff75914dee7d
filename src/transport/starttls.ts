/** STARTTLS as the initiating side, towards a gatekeeper (RFC 6120 §5.4). An attacker on the network may have
 *  written everything before TLS; nothing of it is kept. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { StreamError } from '../stanza/error.ts';
import type { Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { StreamHeader } from '../stream/header.ts';
import { preAuthenticationLimits, type StreamLimits } from '../stream/limits.ts';
import { Scanner } from '../stream/scanner.ts';
import type { Workspace } from '../stream/workspace.ts';
import { abortable, DeadlineError, withDeadline } from './deadline.ts';
import type { Dialled } from './dial.ts';
import {
  GatekeeperError,
  GatekeeperNegotiationError,
  GatekeeperRedirectError,
  GatekeeperTlsError,
  GatekeeperUnreachableError,
} from './gatekeeper-error.ts';
import { writeOpening } from './opening.ts';

/** Options of one negotiation. */
export interface StartTlsOptions {
  /** XMPP domain of the gatekeeper, for `to` of the stream header. */
  readonly domain: string;
  readonly names: Names;
  readonly workspace: Workspace;
  /** Limits of the scanner. Default: those before authentication. */
  readonly limits?: StreamLimits;
  /** Milliseconds for the negotiation and the TLS handshake together. */
  readonly negotiationTimeoutMs: number;
  /** Aborted when the client leaves. */
  readonly signal?: AbortSignal;
}

/** Negotiates STARTTLS on a dialled connection, and starts TLS on it. The next thing to send is a new stream header. On
 *  failure the connection is closed.
 *  @throws GatekeeperNegotiationError, GatekeeperRedirectError, GatekeeperTlsError, GatekeeperUnreachableError, or
 *  the signal's reason */
export async function startTls(
  { socket, upgrade, takesDirectTls }: Extract<Dialled, { kind: 'starttls' }>,
  options: StartTlsOptions,
): Promise<TLSSocket> {
  let unanswered: GatekeeperUnreachableError | undefined;
  try {
    return await withDeadline(options.negotiationTimeoutMs, options.signal, async (signal) => {
      try {
        await untilProceed(socket, options, signal);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        // A server of direct TLS takes the header for a malformed ClientHello, and closes.
        unanswered = error;
        throw (await abortable(takesDirectTls(), signal)) ? new GatekeeperTlsError('tls-mode') : error;
      }
      return upgrade(signal);
    });
  } catch (error) {
    socket.destroy();
    throw error instanceof DeadlineError
      ? (unanswered ?? new GatekeeperUnreachableError('timed-out'))
      : error;
  }
}

/** The gatekeeper closed the connection before it sent anything. */
class Unanswered extends GatekeeperUnreachableError {
  constructor() {
    super('connection-lost');
  }
}

/** Resolves after `<proceed/>`, with no byte read past it.
 *  @throws StreamError of the negotiation, or the signal's reason */
async function untilProceed(socket: Socket, options: StartTlsOptions, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const readBefore = socket.bytesRead;
  const negotiation = new Negotiation(options);
  const settle = (error?: Error): void => {
    signal.removeEventListener('abort', aborted);
    socket.pause().off('data', read).off('end', ended).off('close', ended).off('error', ended);
    if (error === undefined) {
      resolve();
      return;
    }
    socket.on('error', () => {});
    reject(error);
  };
  const ended = (): void =>
    settle(
      socket.bytesRead === readBefore ? new Unanswered() : new GatekeeperUnreachableError('connection-lost'),
    );
  const aborted = (): void => settle(signal.reason as Error);
  const read = (chunk: Uint8Array): void => {
    const step = negotiation.read(chunk);
    if (step.kind === 'send') socket.write(step.text);
    if (step.kind === 'failed') settle(step.error);
    if (step.kind !== 'proceed') return;
    socket.pause();
    settle(socket.readableLength === 0 ? undefined : new GatekeeperNegotiationError('trailing-bytes'));
  };
  signal.throwIfAborted();
  if (socket.destroyed) throw new Unanswered();
  signal.addEventListener('abort', aborted, { once: true });
  socket.on('data', read).on('end', ended).on('close', ended).on('error', ended);
  // One write: some servers parse no header that arrives apart from its declaration.
  socket.write(negotiation.opening);
  return promise;
}

/** The action after a chunk. */
type Step =
  | { readonly kind: 'wait' }
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'proceed' }
  | { readonly kind: 'failed'; readonly error: StreamError };

/** The negotiation without its socket: takes bytes, returns steps. */
class Negotiation {
  /** The first bytes to send. */
  readonly opening: string;
  readonly #scanner: Scanner;
  #phase: 'header' | 'features' | 'offered' | 'asked' | 'proceed' = 'header';

  constructor({ domain, names, workspace, limits = preAuthenticationLimits }: StartTlsOptions) {
    this.opening = writeOpening(domain);
    this.#scanner = new Scanner({
      names,
      workspace,
      limits,
      sink: {
        header: (header) => this.#header(header),
        stanza: (stanza) => this.#stanza(stanza),
        whitespace: () => {},
        end: () => {
          throw new GatekeeperNegotiationError('closed');
        },
      },
    });
  }

  read(chunk: Uint8Array): Step {
    if (this.#phase === 'header' && this.#scanner.atBoundary && isTlsRecord(chunk))
      return failed(new GatekeeperTlsError('tls-mode'));
    try {
      const taken = this.#scanner.push(chunk);
      if (this.#phase === 'proceed')
        return taken === chunk.length
          ? { kind: 'proceed' }
          : failed(new GatekeeperNegotiationError('trailing-bytes'));
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      return failed(
        error instanceof GatekeeperError ? error : new GatekeeperNegotiationError('malformed', error),
      );
    }
    if (this.#phase !== 'offered') return { kind: 'wait' };
    this.#phase = 'asked';
    return { kind: 'send', text: `<starttls xmlns='${ns.tls}'/>` };
  }

  #header(header: StreamHeader): void {
    requireVersion(header);
    this.#phase = 'features';
  }

  #stanza(stanza: Stanza): void {
    if (stanza.is(0, ns.streams, 'error')) throw streamErrorOf(stanza);
    if (stanza.is(0, ns.streams, 'features') && this.#phase === 'features') {
      if (!offersStartTls(stanza)) throw new GatekeeperNegotiationError('no-starttls');
      this.#phase = 'offered';
    } else if (stanza.is(0, ns.tls, 'proceed') && this.#phase === 'asked') {
      this.#phase = 'proceed';
      this.#scanner.halt();
    } else {
      // Includes a `<proceed/>` to a `<starttls/>` that was not sent yet.
      throw new GatekeeperNegotiationError(stanza.is(0, ns.tls, 'failure') ? 'refused' : 'unexpected');
    }
  }
}

/** Without version 1.0 there are no features, and so no STARTTLS (RFC 6120 §4.7.5).
 *  @throws GatekeeperNegotiationError */
export function requireVersion({ attributes, scope }: StreamHeader): void {
  const major = Number.parseInt(attributes.get('version') ?? '0', 10);
  if (major < 1 || scope.contentNamespace !== ns.client) throw new GatekeeperNegotiationError('unexpected');
}

/** Returns whether bytes begin an alert or a handshake message (RFC 8446 §5.1), as a server of direct TLS answers. */
function isTlsRecord([type, major]: Uint8Array): boolean {
  return (type === 0x15 || type === 0x16) && major === 0x03;
}

function failed(error: StreamError): Step {
  return { kind: 'failed', error };
}

function offersStartTls(features: Stanza): boolean {
  return hasChild(features, ns.tls, 'starttls');
}

/** Returns the error for a stream error of the gatekeeper. A redirect in clear text is not authenticated, and so not
 *  followed. */
export function streamErrorOf(error: Stanza): StreamError {
  return hasChild(error, ns.streamErrors, 'see-other-host')
    ? new GatekeeperRedirectError()
    : new GatekeeperNegotiationError('stream-error');
}

function hasChild(stanza: Stanza, namespace: string, local: string): boolean {
  for (let child = stanza.firstChild(); child !== -1; child = stanza.nextSibling(child))
    if (stanza.is(child, namespace, local)) return true;
  return false;
}
